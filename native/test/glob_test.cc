#include "engine/glob.h"

#include <chrono>
#include <random>

#include "support.h"

namespace smartcopy::testing {
namespace {

Glob Compiled(std::string_view pattern) {
  auto compiled = Glob::Compile(pattern);
  EXPECT_EQ(compiled.index(), 0u) << pattern;
  return std::move(std::get<Glob>(compiled));
}

bool Matches(std::string_view pattern, std::string_view path, bool is_directory = false) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return Compiled(pattern).Matches(path, name, is_directory);
}

std::string Refusal(std::string_view pattern) {
  auto compiled = Glob::Compile(pattern);
  return compiled.index() == 1 ? std::get<std::string>(compiled) : "";
}

TEST(Glob, WithoutASlashLooksAtTheNameAtAnyDepth) {
  EXPECT_TRUE(Matches("*.log", "a.log"));
  EXPECT_TRUE(Matches("*.log", "deep/in/a.log"));
  EXPECT_FALSE(Matches("*.log", "a.log/b"));
  EXPECT_TRUE(Matches("*", ".hidden"));
  EXPECT_TRUE(Matches("**", "x/y"));
  EXPECT_FALSE(Matches("a", "b/aa"));
}

TEST(Glob, WithASlashLooksAtTheWholePath) {
  EXPECT_TRUE(Matches("a/*.log", "a/b.log"));
  EXPECT_FALSE(Matches("a/*.log", "x/a/b.log"));
  EXPECT_FALSE(Matches("a/*.log", "a/x/b.log"));
  EXPECT_TRUE(Matches("/a", "a"));
  EXPECT_FALSE(Matches("/a", "x/a"));
  EXPECT_TRUE(Matches("/*.log", "b.log"));
}

TEST(Glob, ATrailingSlashMeansDirectoriesAlone) {
  EXPECT_TRUE(Matches("a/", "x/a", true));
  EXPECT_FALSE(Matches("a/", "x/a", false));
  EXPECT_TRUE(Matches("/a/", "a", true));
  EXPECT_FALSE(Matches("/a/", "x/a", true));
}

TEST(Glob, TwoStarsCrossDirectories) {
  for (const char* path : {"a/b", "a/x/b", "a/x/y/b"}) EXPECT_TRUE(Matches("a/**/b", path)) << path;
  EXPECT_FALSE(Matches("a/**/b", "a/xb"));
  EXPECT_FALSE(Matches("a/**/b", "ab"));
  EXPECT_TRUE(Matches("**/b", "b"));
  EXPECT_TRUE(Matches("**/b", "x/y/b"));
  EXPECT_FALSE(Matches("**/b", "xb"));
  EXPECT_TRUE(Matches("a/**", "a/x"));
  EXPECT_TRUE(Matches("a/**", "a/x/y"));
  EXPECT_FALSE(Matches("a/**", "a"));
  // Anything but a whole name is one star.
  EXPECT_TRUE(Matches("x/a**b", "x/a-b"));
  EXPECT_FALSE(Matches("x/a**b", "x/a/b"));
  EXPECT_TRUE(Matches("{x/**,y}/b", "x/1/2/b"));
  EXPECT_TRUE(Matches("/{**,a}b", "xb"));
  EXPECT_FALSE(Matches("/{**,a}b", "x/b"));
}

TEST(Glob, SetsRangesAndNegation) {
  EXPECT_TRUE(Matches("[abc]", "b"));
  EXPECT_TRUE(Matches("[a-cx]", "x"));
  EXPECT_FALSE(Matches("[a-c]", "d"));
  EXPECT_TRUE(Matches("[!a-c]", "d"));
  EXPECT_TRUE(Matches("[^a-c]", "-"));
  EXPECT_TRUE(Matches("[a-]", "-"));
  EXPECT_TRUE(Matches("[\\]\\[]", "]"));
  EXPECT_FALSE(Matches("x/[!a]b", "x//b"));
  EXPECT_FALSE(Matches("[z-a]", "m"));
}

TEST(Glob, AlternativesMayBeNestedAndEmpty) {
  for (const char* name : {"ab", "ac", "ad"}) EXPECT_TRUE(Matches("a{b,{c,d}}", name)) << name;
  EXPECT_TRUE(Matches("a{,b}", "a"));
  EXPECT_TRUE(Matches("{a,b/c}", "b/c"));
  EXPECT_TRUE(Matches("*.{jpg,[pt]ng}", "x.tng"));
  EXPECT_FALSE(Matches("a{b,c}", "a"));
  EXPECT_TRUE(Matches("a\\,{b,c}", "a,b"));
  EXPECT_TRUE(Matches("{a\\,b,c}", "a,b"));
}

TEST(Glob, ABackslashTakesTheMeaningAway) {
  EXPECT_TRUE(Matches("\\*", "*"));
  EXPECT_FALSE(Matches("\\*", "x"));
  EXPECT_TRUE(Matches("\\\\", "\\"));
  EXPECT_TRUE(Matches("\\{a", "{a"));
}

TEST(Glob, ACharacterIsOneOfUtf8OrALoneByte) {
  EXPECT_TRUE(Matches("?", "\xc3\xa4"));
  EXPECT_TRUE(Matches("?", "\xf0\x9f\x98\x80"));
  EXPECT_TRUE(Matches("?", "\xff"));
  EXPECT_FALSE(Matches("?", "\xff\xfe"));
  EXPECT_TRUE(Matches("[\xc3\xa0-\xc3\xbf]", "\xc3\xa4"));
  EXPECT_TRUE(Matches("a\xff", "a\xff"));
  EXPECT_FALSE(Matches("\xff", "\xfe"));
  EXPECT_TRUE(Matches("??", "\xc0\xaf"));       // an overlong form is two bytes
  EXPECT_TRUE(Matches("???", "\xed\xa0\x80"));  // a surrogate is three
}

TEST(Glob, RefusesWhatIsMalformedWithASentence) {
  EXPECT_NE(Refusal("[abc").find("'[' that is never closed"), std::string::npos);
  EXPECT_NE(Refusal("a{b,c").find("'{' that is never closed"), std::string::npos);
  for (const char* pattern : {"", "/", "a//b", "./a", "a/../b", "a/.", "a]", "a}", "{a}", "[]", "[!]", "[a/b]", "a\\",
                              "a\\/b", "[a\\", "[[:alpha:]]", "{a,{b,{c,{d,e}}}}", "//", "a/{b,c/"})
    EXPECT_NE(Refusal(pattern), "") << pattern;
  EXPECT_EQ(Refusal("{a,{b,{c,d}}}"), "");
  EXPECT_EQ(Refusal(std::string(256, 'a')), "");
  EXPECT_NE(Refusal(std::string(257, 'a')), "");
  EXPECT_NE(Refusal(std::string_view("a\0b", 3)), "");
}

TEST(Glob, TellsWhetherAnythingBelowADirectoryCouldMatch) {
  EXPECT_TRUE(Compiled("a/b/*.txt").MayMatchBelow("a"));
  EXPECT_TRUE(Compiled("a/b/*.txt").MayMatchBelow("a/b"));
  EXPECT_FALSE(Compiled("a/b/*.txt").MayMatchBelow("x"));
  EXPECT_FALSE(Compiled("a/b/*.txt").MayMatchBelow("a/b/c"));
  EXPECT_FALSE(Compiled("/a").MayMatchBelow("a"));
  EXPECT_TRUE(Compiled("**/x").MayMatchBelow("anything/at/all"));
  EXPECT_TRUE(Compiled("*.txt").MayMatchBelow("anything"));
}

// Patterns on which a matcher that tries one way after the other takes for ever, or whose expansion fills the memory.
TEST(Glob, HostilePatternsTakeTimeInProportion) {
  const auto repeated = [](std::string_view part, size_t length) {
    std::string all;
    while (all.size() + part.size() <= length) all += part;
    return all;
  };
  const std::string name(255, 'a');
  const std::string path = repeated("a/", 4094) + "a";
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(Matches(repeated("*a", 254) + "b", name));
  EXPECT_TRUE(Matches(repeated("*a", 254), name));
  EXPECT_FALSE(Matches(repeated("{a,a}", 250) + "b", name));
  EXPECT_TRUE(Matches(repeated("{*,*a}", 250), name));
  EXPECT_TRUE(Matches(repeated("**/", 252) + "a", path));
  EXPECT_FALSE(Matches(repeated("{*,*a}", 250) + "b", name));
  EXPECT_FALSE(Matches(repeated("{a,{a,{a,a}}}", 250) + "b", name));
  EXPECT_FALSE(Matches(repeated("**/", 252) + "b", path));
  EXPECT_FALSE(Matches(repeated("**/*a/", 252) + "b", path));
  EXPECT_FALSE(Matches(repeated("{**/a,**/a}/", 250) + "b", path));
  // Below 0.1 s in all without sanitizers; any of them by backtracking would not end today.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

// Any bytes are refused or compiled, and match anything without harm: under sanitizers.
TEST(Glob, SurvivesAnyPatternAndAnyPath) {
  std::mt19937 random(20'240'229);
  const std::string_view alphabet("ab*?[]{},\\/!^-.\xff\xc3\xa4\0", 19);
  const auto any = [&](size_t most) {
    std::string text;
    for (size_t left = random() % (most + 1); left > 0; --left) text.push_back(alphabet[random() % alphabet.size()]);
    return text;
  };
  int compiled_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    const std::string pattern = any(round % 8 == 0 ? 300 : 12);
    auto compiled = Glob::Compile(pattern);
    const auto* glob = std::get_if<Glob>(&compiled);
    if (glob == nullptr) continue;
    ++compiled_count;
    const std::string path = any(20);
    glob->Matches(path, path, round % 2 == 0);
    glob->MayMatchBelow(path);
  }
  EXPECT_GT(compiled_count, 5'000);
}

}  // namespace
}  // namespace smartcopy::testing
