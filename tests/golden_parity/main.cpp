// SPDX-License-Identifier: Apache-2.0
// Compares operators of the catalogue with numbers that another implementation produced, case by case.
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/safetensors.h>
#include <cctype>
#include <cstdio>
#include <map>
#include <set>
#include "case_run.h"
#include "tools/catalogue.h"
#include "tools/lumigrad/command_line.h"

namespace lumigrad::parity {
namespace {

using Json = nlohmann::json;

struct Request {
  std::string data, only, dtype = "f64", device = "cpu", json;
};

// "geometry.transform" of "geometry.transform.rotate", "geometry.liegroup" of "geometry.liegroup.So2.exp".
std::string module_of(const std::string& op) {
  std::string module;
  std::size_t at = 0;
  for (std::size_t dot = op.find('.'); dot != std::string::npos; dot = op.find('.', at)) {
    if (std::isupper(static_cast<unsigned char>(op[at]))) break;
    module = op.substr(0, dot);
    at = dot + 1;
  }
  return module.empty() ? op : module;
}

const char* word(Verdict verdict) {
  constexpr const char* words[] = {"passed", "failed", "skipped", "unbound"};
  return words[static_cast<int>(verdict)];
}

Bound bound() {
  Bound all;
  for (Binding& binding : bindings()) {
    const std::string golden = binding.golden;
    all.bindings.emplace(golden, std::move(binding));
  }
  for (const Operator* row : all_operators()) all.rows[row->name] = row;
  return all;
}

std::vector<Result> run_all(const Request& request) {
  const FileBytes manifest = read_file(request.data + "/manifest.json", 256u << 20);
  const auto* text = reinterpret_cast<const char*>(manifest.bytes().data());
  const Json cases = Json::parse(text, text + manifest.bytes().size()).at("cases");
  const Bound all = bound();
  std::vector<Result> results;
  std::string file;
  Dictionary<Tensor> tensors;
  for (const Json& entry : cases) {
    const std::string op = entry.at("op");
    if (op.rfind(request.only, 0) != 0) continue;
    if (all.bindings.count(op) && entry.at("file") != file) {
      file = entry.at("file");
      tensors = load_safetensors(request.data + "/" + file);
    }
    results.push_back(run_case(all, entry, tensors, parse_dtype(request.dtype), parse_device(request.device)));
  }
  return results;
}

void print_failure(const Result& result) {
  std::printf("FAILED %s [%s]", result.op.c_str(), result.name.c_str());
  if (!result.reason.empty()) std::printf(": %s", result.reason.c_str());
  if (result.worst)
    std::printf(": %s deviates by %.3g (allowed %.3g) at element %lld: %.10g, reference %.10g",
                result.worst->what.c_str(), result.worst->absolute, result.worst->allowed,
                static_cast<long long>(result.worst->element), result.worst->value, result.worst->reference);
  std::printf("\n");
}

int report(const std::vector<Result>& results) {
  std::map<std::string, std::array<int, 4>> modules;
  std::array<int, 4> total{};
  std::set<std::string> unbound;
  for (const Result& result : results) {
    const auto k = static_cast<std::size_t>(result.verdict);
    ++modules[module_of(result.op)][k];
    ++total[k];
    if (result.verdict == Verdict::failed) print_failure(result);
    if (result.verdict == Verdict::skipped)
      std::printf("skipped %s [%s]: %s\n", result.op.c_str(), result.name.c_str(), result.reason.c_str());
    if (result.verdict == Verdict::unbound) unbound.insert(result.op);
  }
  std::printf("%-32s %7s %7s %7s %7s\n", "module", "passed", "failed", "skipped", "unbound");
  for (const auto& [module, count] : modules)
    std::printf("%-32s %7d %7d %7d %7d\n", module.c_str(), count[0], count[1], count[2], count[3]);
  if (!unbound.empty()) std::printf("unbound operators (%zu):\n", unbound.size());
  for (const std::string& op : unbound) std::printf("  %s\n", op.c_str());
  std::printf("golden: %d passed, %d failed, %d skipped, %d unbound\n", total[0], total[1], total[2], total[3]);
  return total[1] == 0 ? 0 : 1;
}

void write_json(const Request& request, const std::vector<Result>& results) {
  Json list = Json::array();
  for (const Result& result : results) {
    Json item = {{"op", result.op}, {"case", result.name}, {"verdict", word(result.verdict)}};
    if (!result.reason.empty()) item["reason"] = result.reason;
    if (result.worst)
      item["worst"] = {{"what", result.worst->what},       {"absolute", result.worst->absolute},
                       {"allowed", result.worst->allowed}, {"element", result.worst->element},
                       {"value", result.worst->value},     {"reference", result.worst->reference}};
    list.push_back(item);
  }
  write_file(request.json,
             Json({{"dtype", request.dtype}, {"device", request.device}, {"cases", list}}).dump(1) + "\n");
}

}  // namespace
}  // namespace lumigrad::parity

int main(int argc, char** argv) {
  using namespace lumigrad::parity;
  Request request;
  lumigrad::command::Program program("golden_parity", "Compares lumigrad's operators with golden data.");
  program.add_option("--data", request.data, "folder with manifest.json").required();
  program.add_option("--only", request.only, "operators whose name begins so");
  program.add_option("--dtype", request.dtype, "f64 or f32").one_of({"f64", "f32"});
  program.add_option("--device", request.device, "cpu or cuda").one_of({"cpu", "cuda"});
  program.add_option("--json", request.json, "write all results to a file");
  try {
    if (!program.parse(argc, argv)) return 0;
    const lumigrad::Device device = lumigrad::parse_device(request.device);
    if (const std::string reason = lumigrad::unavailable_reason(device); !reason.empty())
      throw lumigrad::DeviceError(reason);
    const std::vector<Result> results = run_all(request);
    if (!request.json.empty()) write_json(request, results);
    return report(results);
  } catch (const lumigrad::command::Usage& error) {
    std::fprintf(stderr, "golden_parity: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_parity: %s\n", error.what());
    return 3;
  }
}
