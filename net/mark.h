#pragma once

#include <string>

/// What tells a device's files from every copy of them.
namespace strandline::net {

/// The mark of DATABASE and of its key file, as they are on the disk now.
///
/// Of the key file: inode and change time, which the kernel sets and no tool can; it is written anew, and never touched
/// in between, at each opening. Of the database: inode and time of birth, since it changes all the while. So a file that
/// was copied or restored has another mark, and so has a key file after chmod, chown, mv or a hard link. The device's
/// number is left out, for it changes from boot to boot. What cannot be read counts as not there.
///
/// Not seen: a database written over in place, and a whole disk put back as it was.
/// Threads: any.
[[nodiscard]] std::string mark_of(const std::string& database);

}  // namespace strandline::net
