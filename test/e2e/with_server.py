#!/usr/bin/env python3
"""Runs a command with a fresh server behind AWS_ENDPOINT_URL, and ends with its exit code.

    with_server.py COMMAND [ARGUMENT...]
"""
import os
import subprocess
import sys
import tempfile

import configs
import server as server_module


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        configs.write_references(f"{folder}/reference")
        server = server_module.Server(folder, configs.standard()).start()
        try:
            code = subprocess.run(sys.argv[1:], check=False, env={
                **os.environ, "AWS_ENDPOINT_URL": server.aws_url, "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e"}).returncode
            if code != 0:
                print(server.log_tail(), file=sys.stderr)
        finally:
            server.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
