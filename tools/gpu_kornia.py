#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times Kornia's operators on a GPU: gpu_kornia.py --json FILE --sizes NxCxHxW ... [--eager] [--device cpu].

The operators are those that tools/gpu_check measures and tools/kornia_table.py pairs with Kornia's; forward, and forward
with the gradients that both have; as they are and, without --eager, through torch.compile, of which the better counts.
The file is written after every operator. Exit 77 where PyTorch or Kornia cannot be imported or PyTorch sees no GPU.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import gpu_report  # noqa: E402

try:
    import torch
    import kornia_table
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def median_us(call, seconds, device):
    """Median time of a call, of groups long enough that asking runs ahead, each ended by waiting."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    call()
    call()
    wait()
    start = time.perf_counter()
    call()
    wait()
    group = max(1, int(1e-2 / (time.perf_counter() - start + 1e-8)))
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(group):
            call()
        wait()
        times.append((time.perf_counter() - start) / group)
    return 1e6 * statistics.median(times)


def measured(call, pair, tensors, seconds, device):
    """(forward, forward and backward) in us; the second is None where nothing is differentiated."""
    as_list = lambda results: [results] if isinstance(results, torch.Tensor) else list(results)

    def forward():
        with torch.no_grad():
            return as_list(call(tensors))

    us = median_us(forward, seconds, device)
    if not pair.by:
        return us, None
    leaves = {name: tensors[name].clone().requires_grad_() for name in pair.by}
    seeds = [torch.ones_like(y) for y in forward()]

    def both():
        live = [(y, seed) for y, seed in zip(as_list(call({**tensors, **leaves})), seeds) if y.requires_grad]
        return torch.autograd.grad([y for y, _ in live], list(leaves.values()), [seed for _, seed in live])

    return us, median_us(both, seconds, device)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", required=True)
    parser.add_argument("--sizes", nargs="*", default=["8x3x1080x1920"])
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU")
        return 77
    names = {name for _, _, listed in gpu_report.GOALS for name in listed.split()}
    found = []
    for size in given.sizes:
        n, _, h, w = map(int, size.split("x"))
        for pair in kornia_table.all_pairs():
            if pair.name not in names:
                continue
            item = {"name": pair.name, "size": size}
            try:
                tensors = {name: t.to(given.device) for name, t in pair.make(n, h, w).items()}
                params = pair.params(h, w)
                call = lambda tensors: pair.theirs(tensors, params)
                item["forward_us"], item["both_us"] = measured(call, pair, tensors, given.seconds, given.device)
                if not given.eager:
                    torch._dynamo.reset()
                    compiled = measured(torch.compile(call, dynamic=False), pair, tensors, given.seconds, given.device)
                    item["compiled_us"] = compiled
                    item["forward_us"] = min(item["forward_us"], compiled[0])
                    if compiled[1]:
                        item["both_us"] = min(item["both_us"], compiled[1])
            except Exception as error:  # out of memory, a compiler's refusal: the others go on
                item["error"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            found.append(item)
            print(item, flush=True)
            with open(given.json, "w", encoding="utf-8") as file:
                json.dump(found, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
