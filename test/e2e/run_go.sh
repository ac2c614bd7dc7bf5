#!/bin/bash
# The AWS SDK for Go v2 against a fresh server. Needs Go 1.24 and a module proxy; not part of ./check.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
mkdir -p "$root/build"
(cd "$root/test/e2e/go" && go build -o "$root/build/e2e_go" .)
exec "$root/third_party/python/bin/python" "$root/test/e2e/with_server.py" "$root/build/e2e_go"
