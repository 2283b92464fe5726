"""The AWS CLI, as a user would look at a sandbox."""

import json
import os
import subprocess
import sys
from pathlib import Path

AWS = Path(sys.executable).with_name("aws")


def aws(cloud, *words):
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PATH": os.environ["PATH"],
    }
    return subprocess.run([AWS, *words, "--output", "json"], env=settings, capture_output=True, text=True, timeout=60)


def answer(cloud, *words):
    done = aws(cloud, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_makes_and_reads(cloud):
    assert answer(cloud, "sts", "get-caller-identity")["Account"] == "123456789012"
    put = ["ssm", "put-parameter", "--name", "/cli", "--value", "v", "--type", "SecureString"]
    assert answer(cloud, *put)["Version"] == 1
    assert answer(cloud, "ssm", "get-parameters-by-path", "--path", "/", "--with-decryption")["Parameters"][0]["Value"] == "v"
    trust = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}'
    role = ["iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", trust]
    assert answer(cloud, *role)["Role"]["RoleName"] == "cli"


def test_it_words_errors(cloud):
    failed = aws(cloud, "iam", "get-role", "--role-name", "none")
    assert failed.returncode != 0 and "NoSuchEntity" in failed.stderr
