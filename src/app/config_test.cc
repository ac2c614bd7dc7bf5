#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/address.h"
#include "app/config_entry.h"
#include "app/config_keys.h"
#include "app/config_reference.h"

namespace freshet::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "freshet_config_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    file_ = directory_ + "/freshet.toml";
  }
  ~ConfigTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    auto path = std::filesystem::path(directory_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
  }
  LoadedConfig load(const std::string& text) {
    write("freshet.toml", text);
    auto loaded = load_config({file_, flags_, environment_});
    EXPECT_TRUE(loaded) << loaded.error().to_string();
    return loaded ? *loaded : LoadedConfig{};
  }
  // The error without the folder's name in front of the file's.
  std::string refused(const std::string& text) {
    write("freshet.toml", text);
    auto loaded = load_config({file_, flags_, environment_});
    if (loaded) return "accepted";
    std::string message = loaded.error().to_string();
    for (std::size_t at; (at = message.find(directory_ + "/")) != std::string::npos;) {
      message.erase(at, directory_.size() + 1);
    }
    return message;
  }
  static std::string origin(const LoadedConfig& loaded, std::string_view key) {
    for (const Setting& setting : loaded.settings) {
      if (setting.key == key) return setting.value + " from " + setting.origin;
    }
    return "absent";
  }

  std::string directory_, file_;
  std::vector<std::pair<std::string, std::string>> flags_, environment_;
};

constexpr const char* kFull = R"(
[limits]
memory = "8GiB"
disk = "800GiB"
query = { memory = "2GiB", time = "60s", rows = 1_000_000, at_once = 8 }

[listen]
aws = "0.0.0.0:4566"
http = "127.0.0.1:8080"

[streams.detections]
partitions = 4
keep = { time = "48h", bytes = "200GiB" }

[reference.cameras]
from = "reference/cameras.csv"
key = "camera_id"

[reference.locations]
from = "/etc/locations.csv"
key = "location_id"
reload = "5m"

[pipelines.detections]
from = "detections"
into = "detections"
dedup = { id = "detection_id", horizon = "30h" }
time = { column = "event_time", ahead_max = "2h" }
join = [{ table = "cameras", on = "camera_id", as = "cam", mode = "stamp" },
        { table = "locations", on = "location_id", as = "loc" }]
sql = """
  SELECT * FROM batch"""

[tables.detections]
keys = ["camera_id"]

[auth.keys.gateway]
secret_file = "keys/gateway"
allow = ["kinesis:PutRecords stream/detections"]
)";

TEST_F(ConfigTest, ReadsEverySection) {
  write("keys/gateway", "0123456789abcdef0123456789abcdef\nnot this\n");
  write("reference/cameras.csv", "camera_id\n");
  Config config = load(kFull).config;
  EXPECT_EQ(config.limits.memory_bytes, 8ull << 30);
  EXPECT_EQ(config.limits.disk_bytes, 800ull << 30);
  EXPECT_EQ(config.limits.query_memory_bytes, 2ull << 30);
  EXPECT_EQ(config.limits.query_time_us, 60'000'000);
  EXPECT_EQ(config.limits.query_rows_max, 1'000'000u);
  EXPECT_EQ(config.limits.queries_at_once, 8u);
  EXPECT_EQ(config.listen.aws, "0.0.0.0:4566");
  ASSERT_EQ(config.streams.size(), 1u);
  EXPECT_EQ(config.streams[0].partitions, 4u);
  EXPECT_EQ(config.streams[0].keep_us, 48ll * 3'600'000'000);
  EXPECT_EQ(config.streams[0].keep_bytes, 200ull << 30);
  ASSERT_EQ(config.references.size(), 2u);
  EXPECT_EQ(config.references[0].from, directory_ + "/reference/cameras.csv");
  EXPECT_EQ(config.references[1].from, "/etc/locations.csv");
  EXPECT_EQ(config.references[1].reload_us, 300'000'000);
  ASSERT_EQ(config.pipelines.size(), 1u);
  const PipelineConfig& pipeline = config.pipelines[0];
  EXPECT_EQ(pipeline.dedup_horizon_us, 30ll * 3'600'000'000);
  EXPECT_EQ(pipeline.ahead_max_us, 2ll * 3'600'000'000);
  ASSERT_EQ(pipeline.joins.size(), 2u);
  EXPECT_EQ(pipeline.joins[1].as, "loc");
  EXPECT_EQ(pipeline.sql, "  SELECT * FROM batch");
  EXPECT_EQ(pipeline.sql_where, file_ + ":31");
  ASSERT_EQ(config.tables.size(), 1u);
  EXPECT_THAT(config.tables[0].keys, ElementsAre("camera_id"));
  ASSERT_EQ(config.keys.size(), 1u);
  EXPECT_EQ(config.keys[0].id, "gateway");
  EXPECT_EQ(config.keys[0].secret, "0123456789abcdef0123456789abcdef");
}

TEST_F(ConfigTest, WithoutAFileThereIsTheBuiltInPipeline) {
  auto loaded = load_config({});
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  const Config& config = loaded->config;
  EXPECT_EQ(config.listen.aws, "127.0.0.1:4566");
  EXPECT_EQ(config.listen.http, "127.0.0.1:8080");
  ASSERT_EQ(config.streams.size(), 1u);
  EXPECT_EQ(config.streams[0].name, "detections");
  ASSERT_EQ(config.pipelines.size(), 1u);
  EXPECT_EQ(config.pipelines[0].into, "detections");
  EXPECT_THAT(config.pipelines[0].joins, IsEmpty());
  ASSERT_EQ(config.tables.size(), 1u);
  EXPECT_THAT(config.tables[0].keys, ElementsAre("camera_id", "location_id"));
  EXPECT_GT(config.limits.memory_bytes, 0u);
  EXPECT_EQ(config.limits.query_memory_bytes, config.limits.memory_bytes / 4);
  EXPECT_GT(config.limits.disk_bytes, 0u);
}

TEST_F(ConfigTest, TheBuiltInPipelineJoinsTheReferencesThatAreDeclared) {
  Config config = load("[reference.cameras]\nfrom='c.csv'\nkey='camera_id'\n").config;
  ASSERT_EQ(config.pipelines.size(), 1u);
  ASSERT_EQ(config.pipelines[0].joins.size(), 1u);
  EXPECT_EQ(config.pipelines[0].joins[0].as, "cam");
  EXPECT_EQ(config.pipelines[0].joins[0].on, "camera_id");
}

TEST_F(ConfigTest, ADoorLeftOutStaysClosed) {
  Config config = load("[listen]\naws = '127.0.0.1:0'\n").config;
  EXPECT_EQ(config.listen.aws, "127.0.0.1:0");
  EXPECT_FALSE(config.listen.http.has_value());
}

TEST_F(ConfigTest, UnknownKeysNameTheNearest) {
  auto check = [&](const char* text, const char* message) {
    EXPECT_THAT(refused(text), HasSubstr(message)) << text;
  };
  check("\n\n[pipelines.detections]\ndedup = { horizn = \"24h\" }\n",
        "FRS-1104 freshet.toml:4: unknown key \"horizn\", did you mean \"horizon\"?");
  check("[strems.detections]\n",
        "FRS-1104 freshet.toml:1: unknown key \"strems\", did you mean \"streams\"?");
  check("[limits]\ncolour = 1\n", "; limits has memory, disk, replay, query");
  check("[limits.query]\nmemory = '64MiB'\nrow = 5\n", "freshet.toml:3: unknown key \"row\"");
  check("[auth.keys.a]\nsecret = 'x'\n", "secret_file");
  check("zzzzz = 1\n", "the first level has data, aws_rate_limits");
  check("[streams.a.keep.time]\nx = 1\n", "is a value, not a section");
  check("streams = 5\n", "is a section with keys of its own");
  check("[pipelines.p]\njoin = [{ tabel = 'cameras' }]\n", "did you mean \"table\"?");
}

TEST_F(ConfigTest, WrongTypesAndValuesSayWhatToWrite) {
  auto check = [&](const char* text, const char* message) {
    EXPECT_THAT(refused(text), HasSubstr(message)) << text;
  };
  check("[streams.a]\npartitions = \"4\"\n",
        "FRS-1103 freshet.toml:2: streams.a.partitions wants a count, like 4");
  check("[streams.a]\npartitions = 0\n",
        "FRS-1105 freshet.toml:2: streams.a.partitions: 0 is outside");
  check("[streams.a]\nkeep = { time = 24 }\n", "FRS-1103");
  check("[streams.a]\nkeep = { time = \"24 hours\" }\n", "FRS-1105");
  check("[limits]\nmemory = \"8 potatoes\"\n", "not a size");
  check("[limits]\nmemory = \"1MiB\"\n", "at least 256MiB");
  check("[limits]\nmemory = -4\n", "FRS-1103");
  check("[listen]\naws = \"4566\"\n", "is not an address");
  check("[listen]\naws = \"127.0.0.1:70000\"\n", "is not an address");
  check("[tables.detections]\nkeys = \"camera_id\"\n", "FRS-1103");
  check("aws_rate_limits = \"yes\"\n", "wants a boolean");
  check("[pipelines.p]\nfrom = \"\"\n", "must not be empty");
  check("[limits\nmemory = 1", "FRS-1102 freshet.toml:1:");
  check("a = 1\na = 2\n", "FRS-1102 freshet.toml:2:");
}

TEST_F(ConfigTest, KeysOfLaterVersionsAreCalledSo) {
  auto check = [&](const char* text, const char* message) {
    EXPECT_THAT(refused(text), StartsWith(message)) << text;
  };
  check("profile = 'server'\n", "FRS-1110 freshet.toml:1: \"profile\" is not offered");
  check("[listen]\npostgres = '127.0.0.1:5433'\n", "FRS-1110 freshet.toml:2: \"listen.postgres\"");
  check("[views.top]\nfrom = 'detections'\n", "FRS-1110 freshet.toml:1: \"views\"");
  check("[tables.detections]\nkeep = { memory = '1h' }\n", "FRS-1110 freshet.toml:2:");
  check("[pipelines.p]\ntime = { late_after = '10m' }\n", "FRS-1110 freshet.toml:2:");
  check("[pipelines.p]\nfrom='a'\ninto='abc'\njoin = [{ table='c', on='x', mode='live' }]\n",
        "FRS-1110 freshet.toml:4: pipelines.p.join[0].mode = \"live\"");
  check("[pipelines.p]\ndedup = { id = 'other' }\n", "FRS-1110 freshet.toml:2:");
  check("[reference.r]\nfrom = 'https://host/x.csv'\nkey='k'\n", "FRS-1110 freshet.toml:2:");
}

TEST_F(ConfigTest, AReferenceInS3) {
  LoadedConfig loaded = load(
      "[archive]\nurl = 's3://a/b'\nendpoint = 'http://minio:9000'\nregion = 'r'\npath_style = "
      "true\n"
      "[reference.near]\nfrom = 's3://bucket/x.csv'\nkey = 'k'\nregion = 'mine'\n"
      "[reference.far]\nfrom = 's3://bucket/x.csv'\nkey = 'k'\nendpoint = 'https://other'\n");
  const auto& references = loaded.config.references;
  EXPECT_EQ(references[0].from, "s3://bucket/x.csv");
  EXPECT_EQ(references[0].endpoint, "http://minio:9000");
  EXPECT_EQ(references[0].region, "mine");
  EXPECT_EQ(references[0].path_style, true);
  // The three are about one server: of another they say nothing.
  EXPECT_EQ(references[1].endpoint, "https://other");
  EXPECT_EQ(references[1].region, "");
  EXPECT_FALSE(references[1].path_style.has_value());
  for (const char* from : {"s3://bucket", "s3://bucket/"}) {
    EXPECT_THAT(refused(std::string("[reference.r]\nkey = 'k'\nfrom = '") + from + "'\n"),
                StartsWith("FRS-1105 freshet.toml:3: reference.r.from"));
  }
}

TEST_F(ConfigTest, HowLongTheArchiveKeepsRows) {
  LoadedConfig loaded = load(
      "[archive]\nurl = 'file:a'\n[tables.detections]\nkeep = { archive = '365d' }\n"
      "classes.plates = { archive = '21d' }\nclasses.faces = { archive = '7d' }\n"
      "[streams.detections]\nkeep = { before_archive = true }\n");
  const TableConfig& table = loaded.config.tables.front();
  EXPECT_EQ(table.keep_archive_us, 365ll * 86'400'000'000);
  ASSERT_EQ(table.classes.size(), 2u);
  EXPECT_EQ(table.classes[0].name, "plates");
  EXPECT_EQ(table.classes[0].archive_us, 21ll * 86'400'000'000);
  EXPECT_TRUE(loaded.config.streams.front().before_archive);
  EXPECT_THAT(origin(loaded, "tables.detections.classes.faces.archive"), StartsWith("\"7d\" from"));
}

TEST_F(ConfigTest, KeysThatDoNotFitEachOther) {
  auto check = [&](const char* text, const char* message) {
    EXPECT_THAT(refused(text), HasSubstr(message)) << text;
  };
  check("[pipelines.p]\nfrom = 'a'\n", "FRS-1106 freshet.toml:1: [pipelines.p] lacks \"into\"");
  check("[pipelines.p]\nfrom='a'\ninto='abc'\njoin=[{table='cameras', on='camera_id'}]\n",
        "FRS-1107 freshet.toml:4: pipelines.p.join[0].table: there is no [reference.cameras]");
  check(
      "[streams.a]\nkeep={time='1h'}\n[pipelines.p]\nfrom='a'\ninto='abc'\ndedup={horizon='2h'}\n",
      "FRS-1107 freshet.toml:6: pipelines.p.dedup.horizon: 2h reaches further back");
  check("[pipelines.p]\nfrom='a'\ninto='abc'\n[pipelines.q]\nfrom='b'\ninto='abc'\n", "FRS-1107");
  check("[pipelines.p]\nfrom='a b'\ninto='abc'\n", "a stream's name");
  check("[pipelines.p]\nfrom='a'\ninto='a$dead'\n", "a table's name");
  check("[tables.detections]\nkeep = { archive = '30d' }\n",
        "FRS-1107 freshet.toml:2: tables.detections.keep.archive: nothing is archived");
  check("[tables.detections]\nclasses.plates = { archive = '21d' }\n",
        "FRS-1107 freshet.toml:2: tables.detections.classes: nothing is archived");
  check(
      "[archive]\nurl='file:a'\n[streams.detections]\nkeep={time='7d'}\n[tables.detections]\n"
      "classes.plates = { archive = '6d' }\n",
      "FRS-1107 freshet.toml:6: tables.detections.classes.plates.archive: 6d is shorter than "
      "streams.detections.keep.time, 7d");
  check("[archive]\nurl='file:a'\n[tables.detections]\nclasses.plates = {}\n", "say how long");
  check("[archive]\nurl='file:a'\n[tables.detections]\nkeep = { archive = '1h' }\n", "FRS-1105");
  check("[tables.other]\nkeys = []\n", "no pipeline fills this table");
  check("[tables.detections]\nkeys = ['camera_id', 'camera_id']\n", "twice");
  check("[reference.cameras]\nkey = 'camera_id'\n", "lacks \"from\"");
  check("[limits]\nmemory='1GiB'\nquery={memory='2GiB'}\n", "FRS-1107");
  check("[listen]\naws='127.0.0.1:9'\nhttp='127.0.0.1:9'\n", "has this address already");
  check("[listen]\naws='0.0.0.0:4566'\n", "FRS-1108");
}

TEST_F(ConfigTest, AShortKeepPullsTheDefaultHorizonDown) {
  Config config = load("[streams.detections]\nkeep = { time = '1h' }\n").config;
  EXPECT_EQ(config.pipelines.at(0).dedup_horizon_us, 3'600'000'000);
}

TEST_F(ConfigTest, SecretsComeFromFilesAndAreChecked) {
  const char* text = "[auth.keys.a]\nsecret_file = 'keys/a'\nallow = ['*  x']\n";
  EXPECT_THAT(refused(text), HasSubstr("FRS-1109"));
  write("keys/a", "\n");
  EXPECT_THAT(refused(text), HasSubstr("is empty"));
  write("keys/a", "two words\n");
  EXPECT_THAT(refused(text), HasSubstr("not a secret"));
  write("keys/a", "shortsecret\n");
  EXPECT_THAT(refused(text), HasSubstr("is not a rule"));
  chmod((directory_ + "/keys/a").c_str(), 0644);
  auto loaded = load("[auth.keys.a]\nsecret_file = 'keys/a'\n");
  EXPECT_THAT(loaded.warnings,
              ElementsAre(HasSubstr("short"), HasSubstr("chmod 600"), HasSubstr("may do nothing")));
  for (const Setting& setting : loaded.settings) {
    EXPECT_THAT(setting.value, testing::Not(HasSubstr("shortsecret")));
  }
}

TEST_F(ConfigTest, LaterSourcesWinAndEachValueKnowsWhereItCameFrom) {
  write("conf.d/20-b.toml", "[limits]\ndisk = '3GiB'\n");
  write("conf.d/10-a.toml", "[limits]\ndisk = '2GiB'\nmemory = '2GiB'\n");
  write("conf.d/readme.txt", "not TOML at all");
  environment_ = {{"FRESHET_LIMITS__MEMORY", "4GiB"},
                  {"FRESHET_LIMITS__QUERY__ROWS", "1_000"},
                  {"FRESHET_TABLES__DETECTIONS__KEYS", "camera_id"},
                  {"FRESHET_AWS_RATE_LIMITS", "true"},
                  {"FRESHET_SERVER", "http://elsewhere:1"}};
  flags_ = {{"limits.query.rows", "7"}, {"data", "/tmp/somewhere"}, {"listen.aws", "127.0.0.1:0"}};
  auto loaded = load("[limits]\nmemory = '1GiB'\ndisk = '1GiB'\n");
  EXPECT_EQ(origin(loaded, "limits.memory"), "\"4GiB\" from FRESHET_LIMITS__MEMORY");
  EXPECT_EQ(origin(loaded, "limits.disk"), "\"3GiB\" from " + directory_ + "/conf.d/20-b.toml:2");
  EXPECT_EQ(origin(loaded, "limits.query.rows"), "7 from flag --set limits.query.rows");
  EXPECT_EQ(origin(loaded, "limits.query.time"), "\"1m\" from default");
  EXPECT_EQ(origin(loaded, "data"), "\"/tmp/somewhere\" from flag --data");
  EXPECT_EQ(origin(loaded, "listen.aws"), "\"127.0.0.1:0\" from flag --set listen.aws");
  EXPECT_EQ(origin(loaded, "aws_rate_limits"), "true from FRESHET_AWS_RATE_LIMITS");
  EXPECT_THAT(loaded.config.tables.at(0).keys, ElementsAre("camera_id"));
}

TEST_F(ConfigTest, MistakesInEnvironmentAndFlagsNameThem) {
  environment_ = {{"FRESHET_LIMITS__MEMROY", "4GiB"}};
  EXPECT_THAT(refused(""), StartsWith("FRS-1104 FRESHET_LIMITS__MEMROY: unknown key \"memroy\""));
  environment_ = {{"FRESHET_LIMITS__QUERY__ROWS", "many"}};
  EXPECT_THAT(refused(""), StartsWith("FRS-1103 FRESHET_LIMITS__QUERY__ROWS"));
  environment_ = {};
  flags_ = {{"listen.asw", "127.0.0.1:0"}};
  EXPECT_THAT(refused(""), StartsWith("FRS-1104 flag --set listen.asw"));
  flags_ = {{"listen.aws =", "x"}};
  EXPECT_THAT(refused(""), HasSubstr("write KEY=VALUE"));
}

TEST_F(ConfigTest, ALaterListOfJoinsReplacesTheFirstWhole) {
  write("conf.d/a.toml", "[pipelines.p]\njoin = [{ table = 'b', on = 'camera_id' }]\n");
  std::string text =
      "[reference.a]\nfrom='a.csv'\nkey='k'\n[reference.b]\nfrom='b.csv'\nkey='k'\n"
      "[pipelines.p]\nfrom='s'\ninto='ttt'\n"
      "join=[{table='a',on='x',as='q'},{table='b',on='y'}]\n";
  Config config = load(text).config;
  ASSERT_EQ(config.pipelines.at(0).joins.size(), 1u);
  EXPECT_EQ(config.pipelines[0].joins[0].table, "b");
  EXPECT_EQ(config.pipelines[0].joins[0].as, "b");
  write("conf.d/a.toml", "[pipelines.p]\njoin = []\n");
  EXPECT_THAT(load(text).config.pipelines.at(0).joins, IsEmpty());
}

TEST_F(ConfigTest, MissingAndForeignFilesAreNamed) {
  EXPECT_THAT(load_config({directory_ + "/absent.toml", {}, {}}).error().to_string(),
              HasSubstr("FRS-1101"));
  EXPECT_THAT(load_config({directory_, {}, {}}).error().to_string(), HasSubstr("not a file"));
  EXPECT_THAT(refused(std::string("a = \"\xff\xfe\"\n")), StartsWith("FRS-1102"));
}

// What `config show` prints can be read again and gives the same.
TEST_F(ConfigTest, SettingsAreTomlThatReadsTheSame) {
  write("keys/gateway", "0123456789abcdef0123456789abcdef\n");
  LoadedConfig first = load(kFull);
  std::string text;
  for (const Setting& setting : first.settings) {
    if (setting.value.empty()) continue;
    text += setting.key + " = " + setting.value + "\n";
  }
  LoadedConfig second = load(text);
  ASSERT_EQ(second.settings.size(), first.settings.size());
  for (std::size_t i = 0; i < first.settings.size(); ++i) {
    EXPECT_EQ(first.settings[i].key, second.settings[i].key);
    EXPECT_EQ(first.settings[i].value, second.settings[i].value);
  }
}

TEST(ConfigKeysTest, EveryOfferedKeyCanBeSetAndShown) {
  for (const KeySpec& spec : known_keys()) {
    if (!spec.not_offered.empty()) continue;
    EXPECT_FALSE(spec.doc.empty()) << spec.pattern;
    if (spec.pattern.find(".join") != std::string_view::npos) continue;  // shown whole, below
    ASSERT_TRUE(spec.set != nullptr && spec.show != nullptr) << spec.pattern;
    std::string value = "some_text";
    if (spec.kind == ValueKind::kBytes) value = "512MiB";
    if (spec.kind == ValueKind::kDuration) value = spec.minimum > 600'000'000 ? "3d" : "10m";
    if (spec.kind == ValueKind::kCount) value = "3";
    if (spec.kind == ValueKind::kBoolean) value = "true";
    if (spec.kind == ValueKind::kPath) value = "/a/b";
    if (!spec.only.empty()) value = spec.only;
    KeyNames names{"name", "0"};
    auto entries = parse_config_assignment("x", value, "test");
    ASSERT_TRUE(entries);
    auto read = read_value(spec, entries->back());
    ASSERT_TRUE(read) << spec.pattern << read.error().to_string();
    Config config;
    spec.set({config, names, *read});
    EXPECT_THAT(spec.show({config, names}), HasSubstr(value)) << spec.pattern;
  }
}

TEST(ConfigReferenceTest, ThePageIsUpToDate) {
  std::ifstream file(FRESHET_SOURCE_DIR "/docs/reference/configuration.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), configuration_reference())
      << "run: freshet config schema --markdown > docs/reference/configuration.md";
}

TEST(AddressTest, HostsAndPorts) {
  auto check = [](const char* text, const char* host, int port, bool loopback) {
    auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
    EXPECT_EQ(is_loopback(address->host), loopback) << text;
  };
  check("127.0.0.1:4566", "127.0.0.1", 4566, true);
  check("127.9.9.9:0", "127.9.9.9", 0, true);
  check("[::1]:80", "::1", 80, true);
  check("localhost:65535", "localhost", 65535, true);
  check("0.0.0.0:1", "0.0.0.0", 1, false);
  check("[::]:1", "::", 1, false);
  check("example.org:1", "example.org", 1, false);
  for (const char* bad : {"", "4566", ":80", "a:", "a:b", "a:65536", "::1:80", "[]:80", "[a]:80",
                          "a b:1", "http://a:1", "a:-1", "a:1x"}) {
    EXPECT_FALSE(parse_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace freshet::app
