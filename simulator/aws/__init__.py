"""Simulated AWS: KMS, S3 and STS on one HTTP endpoint. A gate answers most KMS calls; moto answers the rest."""

from simulator.aws.serve import main

__all__ = ["main"]
