// Where S3's keys, region and endpoint come from, and which host and path they make.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "object_store/aws_profile.h"
#include "object_store/s3_address.h"

namespace freshet::object_store {
namespace {

class AwsProfileTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/freshet-aws-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    variables_["HOME"] = folder_;
    std::filesystem::create_directories(folder_ + "/.aws");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/.aws/" + file) << text;
  }
  AwsProfile load() {
    auto profile = AwsProfile::load(
        [this](const std::string& name) -> std::optional<std::string> {
          auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        },
        io::system_disk());
    EXPECT_TRUE(profile.has_value());
    return *profile;
  }
  std::string folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(AwsProfileTest, TheEnvironmentComesFirst) {
  write("credentials", "[default]\naws_access_key_id = file\naws_secret_access_key = s\n");
  EXPECT_EQ(load().credential()->id, "file");
  EXPECT_EQ(load().credential()->session_token, std::nullopt);
  variables_["AWS_ACCESS_KEY_ID"] = "environment";
  EXPECT_EQ(load().credential()->id, "file");  // half a pair is none
  variables_["AWS_SECRET_ACCESS_KEY"] = "s2";
  variables_["AWS_SESSION_TOKEN"] = "t2";
  EXPECT_EQ(load().credential()->id, "environment");
  EXPECT_EQ(load().credential()->session_token, "t2");
}

TEST_F(AwsProfileTest, ReadsTheProfileThatIsNamed) {
  write("credentials",
        "# comment\n[default]\naws_access_key_id=d\naws_secret_access_key=d\n\n"
        "[ cameras ]\n ; nested\nAWS_Access_Key_Id = c=1\r\naws_secret_access_key =c/+ \n"
        "aws_session_token=ct\n");
  write("config",
        "[default]\nregion = us-west-2\n[profile cameras]\nregion=eu-west-1\n"
        "endpoint_url = http://minio:9000\ns3 =\n  region = nested\n");
  EXPECT_EQ(load().region(), "us-west-2");
  EXPECT_EQ(load().endpoint_url(), "");
  variables_["AWS_PROFILE"] = "cameras";
  EXPECT_EQ(load().credential()->id, "c=1");
  EXPECT_EQ(load().credential()->secret, "c/+");
  EXPECT_EQ(load().credential()->session_token, "ct");
  EXPECT_EQ(load().region(), "eu-west-1");
  EXPECT_EQ(load().endpoint_url(), "http://minio:9000");
  variables_["AWS_DEFAULT_REGION"] = "a-1";
  EXPECT_EQ(load().region(), "a-1");
  variables_["AWS_REGION"] = "b-1";
  EXPECT_EQ(load().region(), "b-1");
  variables_["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(load().endpoint_url(), "http://all");
  variables_["AWS_ENDPOINT_URL_S3"] = "http://s3";
  EXPECT_EQ(load().endpoint_url(), "http://s3");
}

TEST_F(AwsProfileTest, WithoutAKeyItSaysWhereOneIsLookedFor) {
  auto none = load().credential();
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().number(), 3712);
  EXPECT_NE(none.error().message().find("AWS_ACCESS_KEY_ID"), std::string::npos);
  write("config", "[default]\nsso_session = x\n");
  EXPECT_NE(load().credential().error().message().find("sso_session"), std::string::npos);
}

S3Address address_of(const std::string& url, const S3Settings& settings = {},
                     const std::string& endpoint = "") {
  auto made = make_s3_address(url, settings, "eu-central-1", endpoint);
  EXPECT_TRUE(made.has_value()) << made.error().to_string();
  return made ? *made : S3Address();
}

TEST(S3AddressTest, AwsIsAskedByTheBucketsHost) {
  S3Address made = address_of("s3://cameras/archive/2026/");
  EXPECT_EQ(made.origin, "https://cameras.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(made.host, "cameras.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(made.path_of("a b+c/ä"), "/archive/2026/a%20b%2Bc/%C3%A4");
  EXPECT_EQ(address_of("s3://cameras").path_of("x"), "/x");
  // A dot in the bucket's name is beyond what the certificate covers.
  EXPECT_EQ(address_of("s3://my.cameras").origin, "https://s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(address_of("s3://my.cameras").path_of("x"), "/my.cameras/x");
  S3Settings china;
  china.region = "cn-north-1";
  EXPECT_EQ(address_of("s3://cameras", china).host, "cameras.s3.cn-north-1.amazonaws.com.cn");
}

TEST(S3AddressTest, AnEndpointIsAskedByPath) {
  S3Address made = address_of("s3://cameras/x", {}, "http://minio:9000/");
  EXPECT_EQ(made.origin, "http://minio:9000");
  EXPECT_EQ(made.host, "minio:9000");
  EXPECT_EQ(made.path_of("y"), "/cameras/x/y");
  EXPECT_EQ(address_of("s3://cameras", {}, "https://h:443/s3").host, "h");
  EXPECT_EQ(address_of("s3://cameras", {}, "https://h/s3").path_of("y"), "/s3/cameras/y");
  S3Settings by_host;
  by_host.path_style = false;
  EXPECT_EQ(address_of("s3://cameras", by_host, "http://h:9000").origin, "http://cameras.h:9000");
  by_host.endpoint_url = "http://first";
  EXPECT_EQ(address_of("s3://cameras", by_host, "http://second").host, "cameras.first");
}

TEST(S3AddressTest, RefusesWhatIsNoAddress) {
  auto is_refused = [](const std::string& url, const std::string& endpoint,
                       const std::string& region = "r") {
    auto made = make_s3_address(url, {}, region, endpoint);
    return !made && made.error().number() == 3702;
  };
  for (const char* bad :
       {"s3://", "s3://A", "s3://ab", "s3://a..b", "s3://abc/../x", "s3://a_b_c"}) {
    EXPECT_TRUE(is_refused(bad, "")) << bad;
  }
  for (const char* bad :
       {"minio:9000", "ftp://x", "http://", "http://user@x", "http://x?y", "http://x y"}) {
    EXPECT_TRUE(is_refused("s3://cameras", bad)) << bad;
  }
  EXPECT_TRUE(is_refused("s3://cameras", "", ""));
  EXPECT_TRUE(is_refused("s3://cameras", "", "evil.example/"));
  EXPECT_FALSE(is_refused("s3://cameras", "http://minio", ""));
}

}  // namespace
}  // namespace freshet::object_store
