// SPDX-License-Identifier: Apache-2.0
// `lumigrad register --pairs`: many pairs in one process.
//
// A pair is computed by one thread from nothing but its own images, so its result is the same bits in any company. Each
// finished pair is a line in a journal beside the results (results.1of4.journal for shard 1/4), written at once: what
// was done survives whatever happens to the process. results.json is made from the journals of all shards found in the
// folder, in the order of the input, and appears under its name when it is whole.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/version.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <unordered_map>

#include "command.h"
#include "json_file.h"
#include "progress.h"
#include "register.h"
#include "transform_file.h"

namespace lumigrad::command {
namespace {

namespace fs = std::filesystem;

struct Pair {
  std::string id;  ///< as JSON
  std::string fixed, moving, model;
  std::string key;  ///< all that the result depends on, as one JSON text
};

struct Shard {
  std::size_t index = 1, count = 1;
};

using Lines = std::unordered_map<std::string, std::string>;  // finished pairs: key -> line of results.json

Shard parse_shard(const std::string& text) {
  Shard shard;
  if (text.empty()) return shard;
  const char* end = text.data() + text.size();
  const auto [at, trouble] = std::from_chars(text.data(), end, shard.index);
  if (trouble == std::errc{} && at != end && *at == '/') {
    const auto [rest, fault] = std::from_chars(at + 1, end, shard.count);
    if (fault == std::errc{} && rest == end && shard.index >= 1 && shard.index <= shard.count) return shard;
  }
  throw Usage("--shard: expected i/n with i from 1 to n, got " + text);
}

std::vector<Pair> read_pairs(const RegisterRequest& request) {
  const FileBytes file = read_file(request.pairs, std::uint64_t{1} << 30);
  const Json json =
      parsed_json(request.pairs, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  require<FormatError>(json.is_object() && json.contains("pairs") && json["pairs"].is_array(), request.pairs,
                       ": expected {\"pairs\": [...]}");
  const fs::path folder = fs::path(request.pairs).parent_path();
  std::vector<Pair> pairs;
  std::set<std::string> ids;
  for (const Json& entry : json["pairs"]) {
    require<FormatError>(
        entry.is_object() && entry.contains("id") && (entry["id"].is_string() || entry["id"].is_number()),
        request.pairs, ": expected an id (text or number) in pair ", pairs.size());
    auto text = [&](const char* field) {
      return entry.contains(field) && entry[field].is_string() ? entry[field].get<std::string>() : std::string();
    };
    auto path = [&](const char* field) { return text(field).empty() ? "" : (folder / text(field)).string(); };
    Pair pair{line_of(entry["id"]),
              path("fixed"),
              path("moving"),
              entry.contains("model") ? text("model") : request.model,
              {}};
    require<FormatError>(ids.insert(pair.id).second, request.pairs, ": expected every id once, got ", pair.id,
                         " again");
    pair.key = line_of(Json{version(), pair.id, pair.fixed, pair.moving, pair.model, request.loss, request.init});
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

fs::path journal_path(const std::string& folder, Shard shard) {
  const std::string part =
      shard.count == 1 ? "" : std::to_string(shard.index) + "of" + std::to_string(shard.count) + ".";
  return fs::path(folder) / ("results." + part + "journal");
}

/// Adds the lines of a journal; the last line of a pair holds, and a line that was cut off is none. With `solved`, only
/// pairs that could be read.
void read_journal(const fs::path& path, bool solved, Lines& lines) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string()) continue;
    const std::string text = entry[1].get<std::string>();
    if (solved && Json::parse(text, nullptr, false).contains("error")) continue;
    lines[entry[0].get<std::string>()] = text;
  }
}

/// Where finished pairs are written down, by any thread.
class Journal {
 public:
  /// Begins with the lines that are kept.
  Journal(const fs::path& path, const std::vector<Pair>& pairs, const Lines& kept) : path_(path.string()) {
    std::string text;
    for (const Pair& pair : pairs)
      if (const auto line = kept.find(pair.key); line != kept.end()) text += entry(pair, line->second);
    write_file(path_, text);
    file_.open(path_, std::ios::app);
    check();
  }
  void add(const Pair& pair, const std::string& line) {
    const std::lock_guard lock(mutex_);
    file_ << entry(pair, line) << std::flush;
    check();
  }

 private:
  static std::string entry(const Pair& pair, const std::string& line) { return line_of(Json{pair.key, line}) + "\n"; }
  void check() const { require<IoError>(file_.good(), path_, ": cannot be written"); }

  std::string path_;
  std::ofstream file_;
  std::mutex mutex_;
};

/// A folder name for an id: letters, digits, - and _ stand for themselves, as does a dot that is not the first.
std::string folder_name(const std::string& id) {
  std::string name;
  for (const char c : id) {
    if (c == '"') continue;
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (plain || (c == '.' && !name.empty())) {
      name += c;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    name += code;
  }
  return name;
}

/// The pair's line of results.json; what goes wrong with this pair is said there. Trouble with the output is thrown.
std::string solved(const RegisterRequest& request, Device device, const registration::Options& common,
                   const Pair& pair) {
  Picture fixed, moving;
  registration::Result result;
  try {
    require<FormatError>(!pair.fixed.empty() && !pair.moving.empty(), "expected the paths fixed and moving");
    registration::Options options = common;
    options.model = registration::parse_model(pair.model);
    fixed = read_picture(pair.fixed);
    moving = read_picture(pair.moving);
    result = registration::register_images(without_alpha(fixed.image).to(device),
                                           without_alpha(moving.image).to(device), options);
  } catch (const std::exception& error) {
    return failed_pair_text(pair.id, pair.model, error.what());
  }
  if (request.pictures) {
    const std::string folder = (fs::path(request.out) / folder_name(pair.id)).string();
    make_folder(folder);
    write_registration(folder, pair.fixed, pair.moving, fixed, moving, result);
  }
  return pair_text(pair.id, result);
}

/// Held while results.json is made, so that shards that end together do not overwrite the fuller one.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) : file_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (file_ >= 0) flock(file_, LOCK_EX);
  }
  ~FolderLock() {
    if (file_ >= 0) close(file_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

/// Makes results.json; returns how many of its pairs could not be read.
std::size_t write_results(const RegisterRequest& request, const std::vector<Pair>& pairs, std::size_t shards) {
  const FolderLock lock(request.out);
  Lines lines;
  for (std::size_t i = 1; i <= shards; ++i) read_journal(journal_path(request.out, {i, shards}), false, lines);
  FileWriter file((fs::path(request.out) / "results.json").string());
  std::size_t written = 0, failed = 0;
  for (const Pair& pair : pairs) {
    const auto line = lines.find(pair.key);
    if (line == lines.end()) continue;
    failed += Json::parse(line->second).contains("error") ? 1 : 0;
    file.write((written++ == 0 ? "{\"results\": [\n" : ",\n") + line->second);
  }
  file.write(written == 0 ? "{\"results\": []}\n" : "\n]}\n");
  file.commit();
  return failed;
}

}  // namespace

int register_pairs(const RegisterRequest& request) {
  const Device device = require_device(request.device);
  const Shard shard = parse_shard(request.shard);
  const std::vector<Pair> pairs = read_pairs(request);
  const registration::Options options = registration_options(request);
  make_folder(request.out);

  Lines kept;
  if (request.resume) read_journal(journal_path(request.out, shard), true, kept);
  std::vector<const Pair*> open;
  for (std::size_t i = shard.index - 1; i < pairs.size(); i += shard.count)
    if (!kept.count(pairs[i].key)) open.push_back(&pairs[i]);
  {
    Journal journal(journal_path(request.out, shard), pairs, kept);
    Progress progress(static_cast<std::int64_t>(open.size()));
    std::atomic<bool> stop = false;  // no use in going on when results cannot be written
    parallel_for(
        static_cast<std::int64_t>(open.size()),
        [&](std::int64_t i) {
          if (stop) return;
          const Pair& pair = *open[static_cast<std::size_t>(i)];
          try {
            journal.add(pair, solved(request, device, options, pair));
          } catch (...) {
            stop = true;
            throw;
          }
          progress.done();
        },
        1e5);
  }
  const std::size_t failed = write_results(request, pairs, shard.count);
  if (failed > 0)
    std::fprintf(stderr, "lumigrad: %zu of %zu pairs could not be read; their \"error\" in results.json says why\n",
                 failed, pairs.size());
  return failed > 0 && failed == pairs.size() ? 3 : 0;
}

}  // namespace lumigrad::command
