"""Two hosts of a cluster, made of two network namespaces joined by a virtual cable.

Needs root and Debian's iproute2; skipped where namespaces can't be had.
"""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import DRIVER, MPIEXEC, README, SCRIPTS, TABLE, wait_until, written

HOSTS = {
    "10.77.0.1": "ring-a",
    "10.77.0.2": "ring-b",
}  # address: namespace, and host name
# Nothing in common, or MPICH finds its memory to be one, and nothing goes over the cable
APART = "unshare --uts --ipc --pid --fork --kill-child --mount-proc"
# What the launcher calls instead of ssh: options, the host, and the command to run there
SSH = f"""#!/bin/bash
while [[ $1 == -* ]]; do shift; done
case $1 in 10.77.0.1) host=ring-a;; *) host=ring-b;; esac
shift
exec ip netns exec $host {APART} sh -c "hostname $host; $*"
"""


def ip(words):
    """Run `ip` with these words; return what it says, None if it fails."""
    done = subprocess.run(
        ["ip", *words.split()], capture_output=True, text=True, timeout=20
    )
    return done.stdout if done.returncode == 0 else None


def joined(name):
    """True once the end of the cable in this namespace carries something."""
    return "state UP" in ip(f"-n {name} link show cable")


@pytest.fixture
def two_hosts():
    """Two namespaces, each with one end of the cable."""
    if not all(map(shutil.which, ("ip", "unshare", "hostname"))) or os.geteuid() != 0:
        pytest.skip("it needs root, ip, unshare and hostname")
    remove = [f"netns del {name}" for name in HOSTS.values()]
    make = [f"netns add {name}" for name in HOSTS.values()]
    make += ["link add cable netns ring-a type veth peer name cable netns ring-b"]
    for address, name in HOSTS.items():
        make += [f"-n {name} addr add {address}/24 dev cable"]
        make += [f"-n {name} link set {device} up" for device in ("cable", "lo")]
    make += [f"netns exec ring-a {APART} true"]
    for words in remove:  # left by a run that was killed
        ip(words)
    made = all(ip(words) is not None for words in make)
    if made:
        wait_until(lambda: all(joined(name) for name in HOSTS.values()))
        yield
    for words in remove:
        ip(words)
    if not made:
        pytest.skip("it needs network namespaces")


@pytest.fixture
def mpiexec_on_two(two_hosts, run, tmp_path):
    """A function that runs Python on four processes, two on each of the two hosts, with the
    README's words."""
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    options = "-f nodes"
    assert f"\nmpiexec {options} -n 4 python parallel_ring.py\n" in README
    slots = ":2"
    if "HYDRA" not in run(MPIEXEC, "--version").stdout:  # Open MPI
        options, slots = "--hostfile nodes", " slots=2"
        assert all(
            f"`{words}`" in README for words in (options.split()[0], f"node1{slots}")
        )
    (tmp_path / "nodes").write_text("".join(f"{address}{slots}\n" for address in HOSTS))

    ssh_is = {"HYDRA_LAUNCHER_EXEC": str(ssh), "PRTE_MCA_plm_ssh_agent": str(ssh)}
    ssh_is |= {"HYDRA_LAUNCHER": "ssh", "PRTE_MCA_rmaps_default_mapping_policy": "slot"}
    inside = f"ip netns exec ring-a {APART} sh -c".split()
    inside += [
        f'hostname ring-a; exec {MPIEXEC} {options} -n 4 "$0" "$@"',
        sys.executable,
    ]
    return lambda *arguments: run(*inside, *arguments, **ssh_is)


def crossed():
    """How many bytes have gone over the cable, from ring-a to ring-b."""
    return int(ip("netns exec ring-a cat /sys/class/net/cable/statistics/tx_bytes"))


def test_the_table_on_two_hosts_and_an_error_on_one_that_ends_both(
    mpiexec_on_two, tmp_path
):
    done = mpiexec_on_two(DRIVER)
    assert done.returncode == 0 and "hosts 4, " in done.stdout
    assert written(tmp_path) == TABLE
    few = crossed()
    done = mpiexec_on_two(SCRIPTS / "run_on_two.py")
    assert sorted(done.stdout.splitlines()) == [
        "0 ring-a",
        "1 ring-a",
        "2 ring-b",
        "3 ring-b",
    ]
    assert crossed() - few > 2 * few  # it exchanges spikes 50 times as often
    assert done.returncode != 0 and done.stderr.count("RuntimeError: broken") == 1
