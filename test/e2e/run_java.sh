#!/bin/bash
# The AWS SDK for Java v2, synchronous and asynchronous, both in CBOR, against a fresh server. Needs a JDK 17, Maven
# and a repository; not part of ./check.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root/test/e2e/java"
mvn -q -B compile
exec "$root/third_party/python/bin/python" "$root/test/e2e/with_server.py" mvn -q -B exec:java
