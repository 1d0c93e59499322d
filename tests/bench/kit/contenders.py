"""The peers, and holdfast, as every family uses them.

Each is given the command of its backup, which differs between the families, and where it isn't the plain one that of
its restore. Settings are each tool's best for a like comparison: zstd level 3, encryption and authentication on.
"""
import os

from .bench import Contender

CPUS = os.cpu_count()
SEAL = "openssl enc -aes-256-ctr -K $(printf %064d 1) -iv $(printf %032d 1)"
OPEN = SEAL + " -d"
ZSTD = f"zstd -q -3 -T{CPUS}"

HOLDFAST_ENV = {
    "HOLDFAST_REPO": "{home}/repo", "HOLDFAST_CACHE_DIR": "{home}/cache", "HOLDFAST_STATE_DIR": "{home}/state",
}
# A repository's owner key is opened by a passphrase, which is slow on purpose; a key file, as a host has one, isn't.
HOLDFAST_INIT = '''
rmdir "$HOME_DIR/repo"
echo correct-horse >"$HOME_DIR/passphrase"
unset HOLDFAST_KEY_FILE
export HOLDFAST_PASSPHRASE_FILE=$HOME_DIR/passphrase
"$HOLDFAST" init
"$HOLDFAST" key add --read "$HOME_DIR/key"
'''


def env_of(home, values):
    return {k: v.format(home=home) for k, v in values.items()}


def holdfast(home, source, one=None):
    hf = '"$HOLDFAST" --quiet'
    backup = f"{hf} backup {source}"
    steps = {"first": backup, "unchanged": backup, "changed": backup,
             "restore": f'{hf} restore latest --target "$OUT/back"', "verify": f"{hf} verify --read-data"}
    if one:
        steps["one"] = f'{hf} restore latest --target "$OUT/back" --include "{one}"'
    env = {**env_of(home, HOLDFAST_ENV), "HOLDFAST_KEY_FILE": f"{home}/key"}
    return Contender("holdfast", steps, HOLDFAST_INIT, env)


def restic(home, backup, restore=None, one=None, title=""):
    """`backup` is the whole command, with what has to run before it."""
    steps = {"first": backup, "unchanged": backup, "changed": backup,
             "restore": restore or 'restic -q restore latest --target "$OUT"', "verify": "restic -q check --read-data"}
    if one:
        steps["one"] = f'restic -q restore latest --target "$OUT" --include "{one}"'
    env = {"RESTIC_REPOSITORY": f"{home}/repo", "RESTIC_PASSWORD": "correct-horse", "RESTIC_CACHE_DIR": f"{home}/cache"}
    return Contender("restic", steps, "restic -q init --repository-version 2", env, title)


def borg(home, backup, restore=None, one=None, title=""):
    """`backup` has ARCHIVE where the archive's name goes."""
    steps = {step: backup.replace("ARCHIVE", "::" + step) for step in ("first", "unchanged", "changed")}
    steps["restore"] = restore or 'cd "$OUT" && borg extract ::changed'
    steps["verify"] = "borg check --verify-data"
    if one:
        steps["one"] = f'cd "$OUT" && borg extract ::changed "{one}"'
    env = {"BORG_REPO": f"{home}/repo", "BORG_PASSPHRASE": "correct-horse", "BORG_BASE_DIR": f"{home}/borg"}
    return Contender("borg", steps, "borg init -e repokey-blake2", env, title)


BORG_CREATE = "borg create -C zstd,3"
