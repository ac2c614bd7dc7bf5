#include "pipeline/row_transform.h"

#include "sql/transform.h"

namespace freshet::pipeline {
namespace {

class SqlTransform : public RowTransform {
 public:
  explicit SqlTransform(std::unique_ptr<sql::Transform> transform)
      : transform_(std::move(transform)) {}
  const Schema& output_schema() const override { return transform_->output_schema(); }
  const std::vector<bool>& used_columns() const override { return transform_->used_columns(); }
  Result<TransformedRows> run(const ColumnBatch& batch) override {
    FRESHET_TRY(sql::TransformOutput output, transform_->run(batch));
    return TransformedRows{output.rows, output.source_rows};
  }

 private:
  std::unique_ptr<sql::Transform> transform_;
};

class ColumnTransform : public RowTransform {
 public:
  ColumnTransform(Schema schema, std::vector<std::size_t> inputs, std::vector<bool> used)
      : schema_(std::move(schema)),
        inputs_(std::move(inputs)),
        used_(std::move(used)),
        rows_(schema_) {}
  const Schema& output_schema() const override { return schema_; }
  const std::vector<bool>& used_columns() const override { return used_; }
  Result<TransformedRows> run(const ColumnBatch& batch) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) rows_.columns[i] = batch.columns[inputs_[i]];
    source_rows_.resize(batch.row_count());
    for (std::size_t row = 0; row < source_rows_.size(); ++row)
      source_rows_[row] = static_cast<std::uint32_t>(row);
    return TransformedRows{&rows_, &source_rows_};
  }

 private:
  Schema schema_;
  std::vector<std::size_t> inputs_;
  std::vector<bool> used_;
  ColumnBatch rows_;
  std::vector<std::uint32_t> source_rows_;
};

}  // namespace

Result<std::unique_ptr<RowTransform>> make_sql_transform(const Schema& input,
                                                         std::string_view sql) {
  FRESHET_TRY(auto transform, sql::Transform::create(input, sql));
  return std::unique_ptr<RowTransform>(std::make_unique<SqlTransform>(std::move(transform)));
}

std::unique_ptr<RowTransform> make_column_transform(
    const Schema& input, const std::vector<std::pair<std::string, std::string>>& columns) {
  Schema output;
  std::vector<std::size_t> inputs;
  std::vector<bool> used(input.columns.size(), false);
  for (const auto& [from, to] : columns) {
    auto index = input.find(from);
    if (!index) continue;  // a joined column that this reference table does not have
    output.columns.push_back({to, input.columns[*index].type});
    inputs.push_back(*index);
    used[*index] = true;
  }
  return std::make_unique<ColumnTransform>(std::move(output), std::move(inputs), std::move(used));
}

}  // namespace freshet::pipeline
