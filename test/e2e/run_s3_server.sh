#!/bin/bash
# The archive on an S3 server of another maker: Versity's gateway over a folder. Needs Go 1.25, a module proxy, and a
# file system with extended attributes; not part of ./check. What it is asked to run: "on_s3" in test_archive.py, or -k ...
#
#   test/e2e/run_s3_server.sh [ARGUMENT OF PYTEST...]
#
# Another server, with a key that may make buckets: set FRESHET_TEST_S3_ENDPOINT, AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY, and nothing is built or started here.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
version=v1.8.0

if [ -z "${FRESHET_TEST_S3_ENDPOINT:-}" ]; then
  bin="$root/build/s3_server"
  [ -x "$bin/versitygw" ] || GOBIN="$bin" go install "github.com/versity/versitygw/cmd/versitygw@$version"
  folder="$(mktemp -d "$root/build/s3_server.XXXXXX")"
  mkdir "$folder/buckets"
  port="$("$root/third_party/python/bin/python" -c '
import socket
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])')"
  export AWS_ACCESS_KEY_ID=freshet AWS_SECRET_ACCESS_KEY=freshet-secret
  "$bin/versitygw" --quiet --port "127.0.0.1:$port" --access "$AWS_ACCESS_KEY_ID" --secret "$AWS_SECRET_ACCESS_KEY" \
    posix "$folder/buckets" >"$folder/log" 2>&1 &
  server=$!
  # shellcheck disable=SC2064  # both names are known now
  trap "kill $server; rm -rf '$folder'" EXIT
  for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
  done
  export FRESHET_TEST_S3_ENDPOINT="http://127.0.0.1:$port"
fi
"$root/third_party/python/bin/python" -m pytest "$root/test/e2e/test_archive.py" -q -rs -k on_s3 "$@"
