#include "object_store/s3_answer.h"

#include <gtest/gtest.h>

#include "common/time_text.h"
#include "object_store/xml.h"

namespace freshet::object_store {
namespace {

bool is_xml(std::string_view text) {
  return parse_xml(text).has_value();
}

TEST(Xml, ReadsElementsTextAndEntities) {
  auto root = parse_xml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<a xmlns='http://x/' b=\"c\"><b>1 &lt;&amp;&gt; &quot;&apos;&#65;&#x20AC;</b><b/><c >x</c "
      "></a>\n");
  ASSERT_TRUE(root.has_value()) << root.error().to_string();
  EXPECT_EQ(root->name, "a");
  ASSERT_EQ(root->children.size(), 3u);
  EXPECT_EQ(root->text_of("b"), "1 <&> \"'A€");
  EXPECT_EQ(root->text_of("c"), "x");
  EXPECT_EQ(root->text_of("d"), "");
  EXPECT_EQ(root->child("d"), nullptr);
}

TEST(Xml, RefusesWhatS3DoesNotSend) {
  EXPECT_TRUE(is_xml("<a/>"));
  for (const char* bad : {"",
                          "a",
                          "<a>",
                          "<a></b>",
                          "<a></a><b/>",
                          "<a></a>x",
                          "<a",
                          "<a b></a>",
                          "<a b=c/>",
                          "<!DOCTYPE a><a/>",
                          "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                          "<a>&b;</a>",
                          "<a>&</a>",
                          "<a><!-- x --></a>",
                          "<a><![CDATA[x]]></a>",
                          "<a><?x?></a>",
                          "<a>&#0;</a>",
                          "<a>&#xD800;</a>",
                          "<a>&#x110000;</a>",
                          "<a>&#;</a>",
                          "<a>&#65</a>",
                          "<a>\x01</a>",
                          "<?xml version='1.0'",
                          "< a/>",
                          "<1/>",
                          "<a b='<'/>",
                          "<a>&#4294967361;</a>"}) {
    EXPECT_FALSE(is_xml(bad)) << bad;
  }
}

TEST(Xml, IsBoundedInDepthCountAndSize) {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "<a>";
    for (int i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(is_xml(nested(8)));
  EXPECT_FALSE(is_xml(nested(9)));
  EXPECT_FALSE(is_xml(nested(100'000)));
  XmlLimits few{8, 3, 100};
  EXPECT_TRUE(parse_xml("<a><b/><b/></a>", few).has_value());
  EXPECT_FALSE(parse_xml("<a><b/><b/><b/></a>", few).has_value());
  EXPECT_FALSE(parse_xml("<a>" + std::string(100, 'x') + "</a>", few).has_value());
}

std::string listing(const std::string& objects, const std::string& truncated = "false") {
  return "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" + truncated +
         "</IsTruncated>" + objects + "</ListBucketResult>";
}

std::string object(const std::string& key, const std::string& size = "7",
                   const std::string& time = "2026-11-22T10:00:00.000Z") {
  return "<Contents><Key>" + key + "</Key><LastModified>" + time +
         "</LastModified><ETag>&quot;e&quot;" + "</ETag><Size>" + size +
         "</Size><StorageClass>STANDARD</StorageClass></Contents>";
}

TEST(S3Answer, ReadsAPage) {
  auto read = parse_listing(listing(object("a%2Bb+c%25"), "true"));
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_TRUE(read->is_truncated);
  ASSERT_EQ(read->objects.size(), 1u);
  EXPECT_EQ(read->objects[0].name, "a+b c%");
  EXPECT_EQ(read->objects[0].bytes, 7u);
  EXPECT_EQ(read->objects[0].etag, "e");
  EXPECT_EQ(read->objects[0].modified_us, *parse_rfc3339_us("2026-11-22T10:00:00Z"));
}

TEST(S3Answer, RefusesPagesThatMakeNoSense) {
  EXPECT_TRUE(parse_listing(listing("")).has_value());
  for (const std::string& bad :
       {std::string("<html/>"), listing("", "true"), listing("", "maybe"), listing(object("")),
        listing(object("a", "-1")), listing(object("a", "7x")), listing(object("a", "")),
        listing(object("a", "7", "yesterday")), listing(object("a%2")), listing(object("a%zz")),
        listing(object("b") + object("a")), listing(object("a") + object("a")),
        std::string("<ListBucketResult/>")}) {
    auto read = parse_listing(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().number(), 3709);
  }
}

TEST(S3Answer, ReadsHttpDates) {
  EXPECT_EQ(parse_http_date_us("Sun, 22 Nov 2026 10:00:00 GMT"),
            parse_rfc3339_us("2026-11-22T10:00:00Z"));
  for (std::int64_t us : {0ll, 951'782'400'000'000ll, 4'102'444'800'000'000ll}) {
    EXPECT_EQ(parse_http_date_us(format_http_date(us)), us);
  }
  for (const char* bad : {"", "Sun, 22 Nov 2026 10:00:00 CET", "Sun, 22 Foo 2026 10:00:00 GMT",
                          "Sun, 99 Nov 2026 10:00:00 GMT", "2026-11-22T10:00:00Z"}) {
    EXPECT_EQ(parse_http_date_us(bad), std::nullopt) << bad;
  }
}

TEST(S3Answer, EtagsLoseTheirQuotes) {
  EXPECT_EQ(bare_etag("\"a\""), "a");
  EXPECT_EQ(bare_etag("W/\"a\""), "a");
  EXPECT_EQ(bare_etag("a"), "a");
  EXPECT_EQ(bare_etag(""), "");
}

}  // namespace
}  // namespace freshet::object_store
