"""Replace ``redis-cli`` on machines without it: ``-p PORT --user USER COMMAND…``, the password in REDISCLI_AUTH."""

import argparse
import os

import redis


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", type=int, default=6379)
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    with redis.Redis(port=given.p, username=given.user, password=os.environ.get("REDISCLI_AUTH")) as client:
        try:
            answer = client.execute_command(*given.command)
        except redis.RedisError as error:
            print(error)
            return 0
    print("PONG" if answer is True else answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
