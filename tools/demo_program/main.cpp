// SPDX-License-Identifier: Apache-2.0
// The demonstration: lumigrad_demo --out DIR [--photos DIR] [FIXED MOVING] writes DIR/index.html.
#include "panel.h"
#include "scene.h"
#include "tools/report/page.h"

#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/version.h>

#include <cstdio>
#include <filesystem>

namespace {

using namespace lumigrad;

constexpr int check_failed = 1, usage_fault = 2, data_fault = 3;
constexpr const char* usage = "usage: lumigrad_demo --out DIR [--photos DIR] [FIXED MOVING]";

struct Request {
  std::string out, photos;
  std::vector<std::string> pictures;
};

/// False when the words are no request.
bool parse(int count, char** words, Request& request) {
  bool options = true;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (options && word == "--") {
      options = false;
    } else if (options && (word == "--out" || word == "--photos")) {
      if (++i == count) return false;
      (word == "--out" ? request.out : request.photos) = words[i];
    } else if (options && word.size() > 1 && word.front() == '-') {
      return false;
    } else {
      request.pictures.emplace_back(word);
    }
  }
  return !request.out.empty() && (request.pictures.empty() || request.pictures.size() == 2);
}

}  // namespace

int main(int count, char** words) {
  Request request;
  if (!parse(count, words, request)) {
    std::fprintf(stderr, "%s\n", usage);
    return usage_fault;
  }
  try {
    std::filesystem::create_directories(request.out);
    const demo::Panel panel = request.pictures.empty()
                                  ? demo::known_registration(demo::photographs(request.photos))
                                  : demo::own_registration(request.pictures[0], request.pictures[1]);
    const demo::Panel jitter = demo::recovered_jitter(demo::photographs(request.photos));
    const demo::Panel tape = demo::recorded_tape(request.out);
    const std::string path = (std::filesystem::path(request.out) / "index.html").string();
    write_file(path,
               report::page("lumigrad at work",
                            "Differentiable computer vision for C++ programs. Everything on "
                            "this page was computed on this machine a moment ago.",
                            panel.html + jitter.html + tape.html + "<footer>lumigrad " + version() + "</footer>"));
    std::printf("lumigrad_demo: %s; %s; %s; %s\n", panel.sentence.c_str(), jitter.sentence.c_str(),
                tape.sentence.c_str(), path.c_str());
    return panel.good && jitter.good ? 0 : check_failed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lumigrad_demo: %s\n", error.what());
    return data_fault;
  }
}
