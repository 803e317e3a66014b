#include "engine/directory.h"

#include <stdio.h>
#include <sys/stat.h>

#include "support.h"

namespace smartcopy::testing {
namespace {

// A table that keeps hardly anything open, and a chain top/a/b in it, on both sides.
class Directories : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"source", "source/a", "source/a/b", "destination", "destination/a", "destination/a/b"})
      MakeDirectory(place_ / name);
    top_ = Hold(nullptr, "");
    a_ = Hold(top_, "a");
    b_ = Hold(a_, "b");
    // Held last, so that the others are closed.
    MakeDirectory(place_ / "source/z");
    MakeDirectory(place_ / "destination/z");
    z_ = Hold(top_, "z");
  }

  std::shared_ptr<Directory> Hold(const std::shared_ptr<Directory>& parent, const std::string& name) {
    auto directory = std::make_shared<Directory>();
    directory->parent = parent;
    directory->name = name;
    const std::string path = PathOf(*directory, {});
    OpenDirectory open{UniqueFd(::open((place_ / "source/" + path).c_str(), O_RDONLY | O_DIRECTORY)),
                       UniqueFd(::open((place_ / "destination/" + path).c_str(), O_RDONLY | O_DIRECTORY))};
    directory->source_id = FileId::Of(*StatOf(open.source.get()));
    directory->destination_id = FileId::Of(*StatOf(open.destination.get()));
    directory->made = true;
    table_.Hold(directory, std::move(open));
    return directory;
  }

  // Puts another directory in the place of this one.
  void Exchange(const std::string& path) {
    MakeDirectory(place_ / "other");
    ASSERT_EQ(::rename((place_ / path).c_str(), (place_ / "away").c_str()), 0);
    ASSERT_EQ(::rename((place_ / "other").c_str(), (place_ / path).c_str()), 0);
  }

  TemporaryDirectory place_;
  DirectoryTable table_{{.cross = true}, 1};
  std::shared_ptr<Directory> top_, a_, b_, z_;
  std::optional<DirectoryTable::OpenError> error_;
};

TEST_F(Directories, AreFoundAgainAfterTheyWereClosed) {
  const auto open = table_.Get(b_, error_);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(FileId::Of(*StatOf(open->source.get())), b_->source_id);
  EXPECT_EQ(FileId::Of(*StatOf(open->destination.get())), b_->destination_id);
}

TEST_F(Directories, AreNotTakenForOthersThatHaveTheirNamesNow) {
  Exchange("destination/a");
  EXPECT_EQ(table_.Get(b_, error_), nullptr);
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->side, Side::kDestination);
  EXPECT_EQ(error_->error.code, ESTALE);
}

TEST_F(Directories, AreNotFoundThroughALink) {
  ASSERT_EQ(::rename((place_ / "source/a").c_str(), (place_ / "away").c_str()), 0);
  MakeLink("../away", place_ / "source/a");
  EXPECT_EQ(table_.Get(b_, error_), nullptr);
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->side, Side::kSource);
  EXPECT_EQ(error_->error.code, ELOOP);
}

TEST_F(Directories, StayOpenWhileSomebodyHoldsThem) {
  const auto pair = table_.Get(a_, error_);
  ASSERT_NE(pair, nullptr);
  ASSERT_NE(table_.Get(z_, error_), nullptr);
  ASSERT_NE(table_.Get(b_, error_), nullptr);
  EXPECT_TRUE(StatOf(pair->source.get()).ok());
}

}  // namespace
}  // namespace smartcopy::testing
