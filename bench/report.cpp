#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include "bench/sqlite.h"

namespace strandline::bench {
namespace {

constexpr double kProgressSeconds = 2;

const char* name_of(Unit unit) {
    switch (unit) {
        case Unit::seconds:
            return "s";
        case Unit::milliseconds:
            return "ms";
        case Unit::bytes:
            return "B";
        case Unit::mebibytes:
            return "MiB";
    }
    return "";
}

std::string number_text(double value) {
    char text[32];
    const int digits = value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string with_unit(double value, Unit unit) {
    return number_text(value) + " " + name_of(unit);
}

std::string ratio_text(double ratio) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2fx", ratio);
    return text;
}

}  // namespace

double now_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double percentile(std::vector<double> samples, double fraction) {
    if (samples.empty()) throw Trouble("nothing was measured");
    std::sort(samples.begin(), samples.end());
    const auto rank = std::ceil(fraction * static_cast<double>(samples.size()));
    return samples[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

double median(std::vector<double> samples) {
    const double upper = percentile(samples, 0.5);
    if (samples.size() % 2 == 1) return upper;
    std::sort(samples.begin(), samples.end());
    return (samples[samples.size() / 2 - 1] + samples[samples.size() / 2]) / 2;
}

std::string count_text(std::int64_t count) {
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
}

void say(const std::string& line) {
    std::fprintf(stderr, "bench: %s\n", line.c_str());
}

void Progress::at(std::int64_t done) {
    if (done % 256 != 0 || now_seconds() - said_ < kProgressSeconds) return;
    said_ = now_seconds();
    say(what_ + ": " + count_text(done) + " of " + count_text(total_));
}

std::vector<double> Report::Line::ratios() const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < base.size(); ++i) ratios.push_back(ours[i] / base[i]);
    return ratios;
}

double Report::Line::figure() const {
    return median(has_base() ? ratios() : ours);
}

void Report::add(const Question& question, double base, double ours) {
    auto line = std::find_if(lines_.begin(), lines_.end(),
                             [&](const Line& known) { return known.question.name == question.name; });
    if (line == lines_.end()) line = lines_.insert(line, Line{question, {}, {}});
    if (line->has_base()) line->base.push_back(base);
    line->ours.push_back(ours);
}

void Report::note(const std::string& sentence) {
    if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) notes_.push_back(sentence);
}

void Report::print() const {
    std::printf("\n%-66s %14s %14s %9s\n", "", "base", "Strandline", "ratio");
    for (const Line& line : lines_) {
        const Unit unit = line.question.unit;
        const std::string title =
            line.question.title + (line.has_base() ? " / " + line.question.base : std::string());
        std::printf("%-66s %14s %14s %9s\n", title.c_str(),
                    line.has_base() ? with_unit(median(line.base), unit).c_str() : "",
                    with_unit(median(line.ours), unit).c_str(),
                    line.has_base() ? ratio_text(line.figure()).c_str() : "");
    }
    std::printf("\n");
    for (const std::string& sentence : notes_) std::printf("%s\n", sentence.c_str());
    std::printf("\n");
    for (const Line& line : lines_) {
        if (!line.question.at_most) continue;
        const auto text = [&](double value) {
            return line.has_base() ? ratio_text(value) : with_unit(value, line.question.unit);
        };
        std::printf("%-7s %-66s %9s, at most %s\n", line.is_met() ? "met" : "MISSED",
                    line.question.title.c_str(), text(line.figure()).c_str(),
                    text(*line.question.at_most).c_str());
    }
}

void Report::write_json(const std::string& path) const {
    using Json = nlohmann::ordered_json;
    Json measured = Json::array();
    for (const Line& line : lines_) {
        Json one = {{"name", line.question.name},
                    {"title", line.question.title},
                    {"unit", name_of(line.question.unit)},
                    {"strandline", line.ours}};
        if (line.has_base()) {
            one["base"] = line.question.base;
            one["base_samples"] = line.base;
            one["ratio"] = line.figure();
        }
        if (line.question.at_most) {
            one["at_most"] = *line.question.at_most;
            one["met"] = line.is_met();
        }
        measured.push_back(std::move(one));
    }
    std::ofstream file(path);
    file << Json{{"notes", notes_}, {"measured", measured}}.dump(2) << '\n';
    if (!file.flush()) throw Trouble("the figures cannot be written to " + path);
}

}  // namespace strandline::bench
