#pragma once

/// The report's page as files: page.html has places for the others, named {{style}}, {{script}} and {{story}}, and
/// for what can be read without a script.
namespace strandline::simulator {

extern const char* const kPageHtml;
extern const char* const kPageCss;
extern const char* const kPageJs;

}  // namespace strandline::simulator
