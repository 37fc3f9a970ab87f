// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/npy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "temporary_folder.h"

using namespace lumigrad;

TEST_CASE("a file is read whole, or its reader says in one line why not") {
  const TemporaryFolder folder;
  write_file(folder / "a", std::string_view("hello"));
  CHECK(read_file(folder / "a", 5).bytes().size() == 5);
  CHECK_THROWS_AS(read_file(folder / "a", 4), ResourceError);
  write_file(folder / "empty", std::string_view());
  CHECK(read_file(folder / "empty", 0).bytes().empty());
  CHECK_THROWS_AS(read_file(folder / "missing", 100), IoError);
  CHECK_THROWS_AS(read_file(folder.path(), 100), IoError);
  CHECK_THROWS_AS(read_file("/dev/zero", 100), IoError);
  CHECK_THROWS_AS(read_file("", 100), IoError);
  CHECK_THROWS_AS(read_file(std::string("a\0b", 3), 100), IoError);
  try {
    read_file(folder / "two\nlines", 1);
    FAIL("read");
  } catch (const IoError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
  }
}

TEST_CASE("a pipe is read to its end, and no further than allowed") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const std::string content(300000, 'x');
  for (const std::uint64_t most : {std::uint64_t{1000000}, std::uint64_t{1000}}) {
    std::thread writer([&] {
      std::ofstream file(pipe, std::ios::binary);
      file.write(content.data(), static_cast<std::streamsize>(content.size() > most ? most + 1 : content.size()));
    });
    if (most > content.size())
      CHECK(read_file(pipe, most).bytes().size() == content.size());
    else
      CHECK_THROWS_AS(read_file(pipe, most), ResourceError);
    writer.join();
  }
}

TEST_CASE("an unfinished file leaves what was there before, and no trace of itself") {
  const TemporaryFolder folder;
  write_file(folder / "a", std::string_view("old"));
  {
    FileWriter file(folder / "a");
    file.write("new and never finished");
    CHECK(folder.count() == 2);
  }
  CHECK(folder.count() == 1);
  CHECK(TemporaryFolder::get(folder / "a").size() == 3);
  write_file(folder / "a", std::string_view("finished"));
  CHECK(TemporaryFolder::get(folder / "a").size() == 8);
}

TEST_CASE("permissions of an existing file stay, and a link is followed") {
  const TemporaryFolder folder;
  write_file(folder / "a", std::string_view("old"));
  REQUIRE(chmod((folder / "a").c_str(), 0640) == 0);
  REQUIRE(symlink("a", (folder / "link").c_str()) == 0);
  write_file(folder / "link", std::string_view("through the link"));
  struct stat about {};
  REQUIRE(stat((folder / "a").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0640);
  CHECK(about.st_size == 16);
  REQUIRE(lstat((folder / "link").c_str(), &about) == 0);
  CHECK(S_ISLNK(about.st_mode));
}

TEST_CASE("what cannot be written is said, and nothing is left behind") {
  const TemporaryFolder folder;
  const Tensor tensor = Tensor::zeros({1000});
  CHECK_THROWS_AS(save_npy("/dev/full", tensor), IoError);
  CHECK_THROWS_AS(save_npy(folder / "missing/a.npy", tensor), IoError);
  CHECK_THROWS_AS(save_npy(folder.path(), tensor), IoError);
  CHECK_THROWS_AS(save_npy("", tensor), IoError);
  if (geteuid() != 0) {  // the superuser may write everywhere
    REQUIRE(chmod(folder.path().c_str(), 0500) == 0);
    CHECK_THROWS_AS(save_npy(folder / "a.npy", tensor), IoError);
    REQUIRE(chmod(folder.path().c_str(), 0700) == 0);
  }
  CHECK(folder.count() == 0);
  CHECK_NOTHROW(save_npy(folder / std::string(250, 'n'), tensor));  // the longest names leave no room for an ending
}
