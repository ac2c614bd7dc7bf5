#include "object_store/object_store.h"

#include <iterator>

namespace freshet::object_store {

Result<std::vector<ObjectInfo>> ObjectStore::list(const std::string& prefix) {
  std::vector<ObjectInfo> all;
  while (true) {
    std::string after = all.empty() ? std::string() : all.back().name;
    FRESHET_TRY(ListPage page, list_page(prefix, after, kPageObjectsMax));
    bool more = page.more && !page.objects.empty();
    all.insert(all.end(), std::make_move_iterator(page.objects.begin()),
               std::make_move_iterator(page.objects.end()));
    if (!more) return all;
  }
}

std::optional<std::string> ObjectStore::name_of(std::string_view url) const {
  std::string_view root = root_url();
  if (!url.starts_with(root) || url.size() == root.size()) return std::nullopt;
  return std::string(url.substr(root.size()));
}

}  // namespace freshet::object_store
