# SPDX-License-Identifier: Apache-2.0
"""What lumigrad's build needs beside a compiler and python3, as a folder that travels to a machine without packages.

collect() fills it where the packages are installed: headers, zlib, Meson (which is Python), ninja and pkg-config with
the libraries they need, and .pc files that find their headers by their own place. environment() uses it.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

# Of each package its headers below /usr/include, and what a .pc file has to say.
HEADERS = {"eigen3": "eigen3/Eigen", "nlohmann_json": "nlohmann", "CLI11": "CLI", "doctest": "doctest",
           "stb": "stb/stb_image.h", "zlib": "zlib.h", "": "zconf.h"}
FLAGS = {"eigen3": "-I${includedir}/eigen3", "stb": "-I${includedir}/stb"}
FOUND_BY_HEADER = ("doctest", "")  # no .pc file of their own


def version_of(package):
    done = subprocess.run(["pkg-config", "--modversion", package], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"gpu_check: {package} is not installed here (tools/packages lists what is needed)")
    return done.stdout.strip()


def copied(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(source.resolve(), target)


def program(folder, name):
    """A program, the libraries of its own (not those of every system), and a script that joins the two."""
    path = shutil.which(name)
    if not path:
        raise SystemExit(f"gpu_check: {name} is not installed here")
    copied(pathlib.Path(path), folder / "lib" / "programs" / name)
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"=> (/\S+)", listed):
        if not re.search(r"/(libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl)\.so", library):
            copied(pathlib.Path(library), folder / "lib" / "programs" / pathlib.Path(library).name)
    script(folder / "bin" / name, '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")/../lib/programs\n'
           f'LD_LIBRARY_PATH="$here:$LD_LIBRARY_PATH" exec "$here/{name}" "$@"\n')


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def collect(folder):
    """Fills the folder and returns its size in bytes."""
    folder = pathlib.Path(folder).resolve()
    for package, header in HEADERS.items():
        copied(pathlib.Path("/usr/include") / header, folder / "include" / header)
    for package in HEADERS:
        if package in FOUND_BY_HEADER:
            continue
        flags = FLAGS.get(package, "-I${includedir}")
        libs = "Libs: -L${prefix}/lib -lz\n" if package == "zlib" else ""
        pc = folder / "lib" / "pkgconfig" / f"{package}.pc"
        pc.parent.mkdir(parents=True, exist_ok=True)
        pc.write_text(f"prefix=${{pcfiledir}}/../..\nincludedir=${{prefix}}/include\n\nName: {package}\nDescription: {package}\n"
                      f"Version: {version_of(package)}\n{libs}Cflags: {flags}\n", encoding="utf-8")
    library = subprocess.run(["pkg-config", "--variable=libdir", "zlib"], capture_output=True, text=True, check=True)
    copied(pathlib.Path(library.stdout.strip()) / "libz.a", folder / "lib" / "libz.a")
    for name in ("ninja", "pkg-config"):
        program(folder, name)
    with open(shutil.which("meson") or sys.executable, "rb") as file:  # the python3 that Meson was installed for
        first = file.readline().decode("utf-8", "replace")
    python = first[2:].split() if first.startswith("#!") else [sys.executable]
    meson = subprocess.run([*python, "-c", "import mesonbuild; print(mesonbuild.__path__[0])"],
                           capture_output=True, text=True, check=False, cwd="/")
    if meson.returncode != 0:
        raise SystemExit("gpu_check: meson is not installed here")
    copied(pathlib.Path(meson.stdout.strip()), folder / "lib" / "python" / "mesonbuild")
    script(folder / "bin" / "meson", "#!/usr/bin/env python3\nimport os\nimport sys\n"
           "sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib', 'python'))\n"
           "from mesonbuild.mesonmain import main\nsys.exit(main())\n")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def environment(folder, given):
    """`given`, with the folder's programs, headers and .pc files ahead of those of the system."""
    folder = pathlib.Path(folder).resolve()
    if not (folder / "bin" / "meson").exists():
        raise SystemExit(f"gpu_check: {folder} is no folder that --carry made")
    for path in [*(folder / "bin").iterdir(), *(folder / "lib" / "programs").iterdir()]:
        path.chmod(0o755)  # what carried it may have lost this
    ahead = lambda name, path: f"{path}{os.pathsep}{given[name]}" if given.get(name) else str(path)
    return {**given, "PATH": ahead("PATH", folder / "bin"), "CPATH": ahead("CPATH", folder / "include"),
            "PKG_CONFIG_PATH": ahead("PKG_CONFIG_PATH", folder / "lib" / "pkgconfig")}
