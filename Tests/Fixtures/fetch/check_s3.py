"""Checks the S3 client against moto, a store that others wrote, with signatures checked by botocore.

Run by hand, not by `make test`:

    python3 -m venv venv && venv/bin/pip install 'moto[server,s3,iam]' boto3
    swift build -c release --build-tests
    venv/bin/python Tests/Fixtures/fetch/check_s3.py swift test -c release --skip-build --filter StoreCheck

It starts moto, makes a user with keys and a bucket with objects of awkward names, lets moto refuse what is not signed
rightly, runs the command with the keys in its environment, and looks for what the command wrote.
"""

import os
import subprocess
import sys
import time
import urllib.request

import boto3

PORT = 5599
ENDPOINT = f"http://127.0.0.1:{PORT}"
KEYS = ["plain.jpg", "a b/ä+%2F?x=1&y=#z~*'()!.jpg", "=&;:@$,[]{}|^`\"<>"] + [f"many/{n:04}.jpg" for n in range(1100)]
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


def start():
    # Everything up to the policy is done before signatures count.
    environment = dict(os.environ, INITIAL_NO_AUTH_ACTION_COUNT=str(4 + len(KEYS)))
    server = subprocess.Popen(
        [os.path.join(os.path.dirname(sys.executable), "moto_server"), "-p", str(PORT)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{ENDPOINT}/moto-api/", timeout=1)
            return server
        except OSError:
            time.sleep(0.2)
    sys.exit("moto does not start")


def main():
    server = start()
    try:
        anyone = dict(endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        iam = boto3.client("iam", **anyone)
        iam.create_user(UserName="reader")
        keys = iam.create_access_key(UserName="reader")["AccessKey"]
        iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=POLICY)
        s3 = boto3.client("s3", **anyone)
        s3.create_bucket(Bucket="bucket")
        for key in KEYS:
            s3.put_object(Bucket="bucket", Key=key, Body=f"bytes of {key}".encode())
        environment = dict(
            os.environ, CHECK_S3_ENDPOINT=ENDPOINT, CHECK_S3_ACCESS_KEY=keys["AccessKeyId"],
            CHECK_S3_SECRET_KEY=keys["SecretAccessKey"])
        status = subprocess.run(sys.argv[1:], env=environment).returncode
        reader = dict(anyone, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
        written = boto3.client("s3", **reader).get_object(Bucket="bucket", Key="written/ä b+.txt")["Body"].read()
        assert written == b"written", written
        return status
    finally:
        server.terminate()


if __name__ == "__main__":
    sys.exit(main())
