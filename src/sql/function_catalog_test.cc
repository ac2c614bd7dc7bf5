#include "sql/function_catalog.h"

#include <gtest/gtest.h>

#include "sql/syntax_tree.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

class FunctionCatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::open({});
    ASSERT_TRUE(database.has_value());
    database_ = *std::move(database);
    auto connection = database_->connect();
    ASSERT_TRUE(connection.has_value());
    connection_ = *std::move(connection);
    auto catalog = FunctionCatalog::read(connection_.get());
    ASSERT_TRUE(catalog.has_value()) << catalog.error().to_string();
    catalog_ = *std::move(catalog);
  }

  // Every function that stands in the tree must itself be one of the row.
  void expect_row_functions(const SyntaxNode& node) {
    if (node.text_of("class") == "FUNCTION") {
      std::string name(node.text_of("function_name"));
      const SyntaxNode* children = node.find("children");
      EXPECT_EQ(catalog_.find(name, children->items.size()), FunctionKind::kRow) << name;
    }
    EXPECT_NE(node.text_of("class"), "SUBQUERY");
    EXPECT_NE(node.text_of("class"), "WINDOW");
    for (const auto& [name, member] : node.members) expect_row_functions(member);
    for (const SyntaxNode& item : node.items) expect_row_functions(item);
  }

  std::unique_ptr<Database> database_;
  Connection connection_;
  FunctionCatalog catalog_;
};

TEST_F(FunctionCatalogTest, TellsKindsApart) {
  EXPECT_EQ(catalog_.find("LOWER", 1), FunctionKind::kRow);
  EXPECT_EQ(catalog_.find("+", 2), FunctionKind::kRow);
  EXPECT_EQ(catalog_.find("nullif", 2), FunctionKind::kRow);
  EXPECT_EQ(catalog_.find("age", 2), FunctionKind::kRow);
  EXPECT_EQ(catalog_.find("age", 1), FunctionKind::kVolatile);
  EXPECT_EQ(catalog_.find("now", 0), FunctionKind::kVolatile);
  EXPECT_EQ(catalog_.find("random", 0), FunctionKind::kVolatile);
  EXPECT_EQ(catalog_.find("version", 0), FunctionKind::kVolatile);
  EXPECT_EQ(catalog_.find("sum", 1), FunctionKind::kAggregate);
  EXPECT_EQ(catalog_.find("read_csv", 1), FunctionKind::kTable);
  EXPECT_EQ(catalog_.find("unnest", 1), FunctionKind::kTable);
  EXPECT_EQ(catalog_.find("nothing", 0), FunctionKind::kUnknown);
}

// Catches a newer DuckDB whose macro of the same name reads a clock.
TEST_F(FunctionCatalogTest, MacrosThatAreLetThroughHoldOnlyRowFunctions) {
  QueryResult result;
  ASSERT_EQ(duckdb_query(connection_.get(),
                         "SELECT function_name, macro_definition FROM duckdb_functions() "
                         "WHERE function_type = 'macro'",
                         result.out()),
            DuckDBSuccess);
  std::size_t checked = 0;
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) break;
    const duckdb_string_t* texts[2];
    for (idx_t i = 0; i < 2; ++i) {
      texts[i] = static_cast<const duckdb_string_t*>(
          duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), i)));
    }
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row) {
      std::string name(view_of(texts[0][row]));
      if (catalog_.find(name, 2) != FunctionKind::kRow) continue;
      SCOPED_TRACE(name);
      auto tree =
          parse_query(connection_.get(), "SELECT " + std::string(view_of(texts[1][row])), 1201);
      ASSERT_TRUE(tree.has_value()) << tree.error().to_string();
      expect_row_functions(*tree);
      ++checked;
    }
  }
  EXPECT_GE(checked, 25u);
}

}  // namespace
}  // namespace freshet::sql
