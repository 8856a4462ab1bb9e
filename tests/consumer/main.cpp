#include <iostream>

#include <strandline/node.h>

/// A device that cannot be opened, because nobody made it one: the error is the proof that all is linked.
int main() {
    const auto node = strandline::Node::open({.database = "/nowhere/notes.db"});
    if (node) return 1;
    std::cout << node.error().message << '\n';
    return 0;
}
