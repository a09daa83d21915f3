"""AWS for tests: KMS, S3 and STS on one HTTP endpoint, moto behind a gate that answers as KMS does."""

from simulator.aws.serve import main

__all__ = ["main"]
