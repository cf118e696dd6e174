"""Every fault that a parallel run is known for, caused: nothing hangs, nothing is lost."""

import os
import random
import re
import signal
import string
import subprocess
import sys
import time

import pytest
from conftest import DRIVER, ROOT, SCRIPTS, TABLE, wait_until, written

import parallel_ring


def running(pid):
    """True for a process that lives, which one that waits to be looked after does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def read_until(stream, text):
    read = ""
    while text not in read:
        line = stream.readline()
        assert line, f"ended after {read}"
        read += line
    return read


# Not parallel although launched so


@pytest.mark.parallel
@pytest.mark.skipif("OTHER_MPIEXEC" not in os.environ, reason="it needs another MPI")
def test_the_launcher_of_another_mpi(run, tmp_path):
    another = os.environ["OTHER_MPIEXEC"]
    for script in ([DRIVER], ["-c", "import ring; ring.Ring().write_spikes()"]):
        done = run(another, "-n", 2, sys.executable, *script)
        assert (
            done.returncode != 0 and done.stdout == "" and not list(tmp_path.iterdir())
        )
        words = (
            r"simrun: a launcher started 2 processes \(.*\), but .* sees 1\.\n  Start"
        )
        assert len(re.findall(words, done.stderr)) == 1
        assert "Abort" not in done.stderr and "RuntimeWarning" not in done.stderr
    alone = run(another, "-n", 1, sys.executable, DRIVER)
    assert alone.returncode == 0 and written(tmp_path) == TABLE


# A signal ends all


@pytest.mark.parametrize("sent, to", [("INT", -1), ("TERM", -1), ("KILL", 1)])
def test_a_signal_to_the_launcher_or_to_a_rank_ends_all(
    start_mpiexec, tmp_path, sent, to
):
    (tmp_path / "out.spk").write_text("old")
    script = SCRIPTS / "fault_tell.py"
    launcher = start_mpiexec(2, script, "-N", 20, "--tstop", 1e6)  # hours
    for _ in range(2):
        read_until(launcher.stdout, "I am")
    time.sleep(0.3)  # they run
    pids = [int((tmp_path / f"pid.{rank}").read_text()) for rank in range(2)]
    assert all(map(running, pids))
    os.kill(launcher.pid if to < 0 else pids[to], getattr(signal, f"SIG{sent}"))
    wait_until(lambda: not any(map(running, pids)))
    launcher.communicate(timeout=60)
    assert launcher.returncode != 0 and (tmp_path / "out.spk").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.spk",
        "pid.0",
        "pid.1",
    ]


def test_ctrl_c_stops_a_run_at_a_prompt_but_not_the_prompt(start):
    prompt = start(sys.executable, "-i", "-q", "-u")
    inside = (
        "simrun.h.cvode.event(1, lambda: print('inside'))"  # printed by the run itself
    )
    prompt.stdin.write(
        "import ring, simrun\nmy_ring = ring.Ring()\n"
        f"handler = simrun.h.FInitializeHandler(lambda: {inside})\nsimrun.simulate(1e7)\n"
    )
    prompt.stdin.flush()
    read_until(prompt.stdout, "inside")
    caught = "lambda"
    while "lambda" in caught:  # still in the event, which prints an error and goes on
        prompt.send_signal(signal.SIGINT)
        caught = read_until(prompt.stderr, "KeyboardInterrupt")
    again = "simrun.simulate(100)\nprint('again', len(my_ring.gather_spikes()[0]))\n"
    assert (
        "again 14" in prompt.communicate(again, timeout=60)[0]
        and prompt.returncode == 0
    )


# Bad input is caught before any work


OPTIONS = "-N --stim-w --stim-spike-num --syn-w --syn-delay --radius --tstop --dt -o"
OPTIONS += " --output --output= --coreneuron --variable-step --variable-step= --syn --N"
VALUES = "nan inf -inf 1e400 -0 -1 0x10 5 0.5 1e-400 ٣ 1_0 1e3 true None [] µ @x %s -"
VALUES = [*VALUES.split(), "-h", "--help", "--", "", "\n", "\udcff", "9" * 400, "-" * 9]


def test_any_string_given_to_any_option(capsys, monkeypatch):
    """Whatever the words, the answer is the options or one line and status 2 (0 for --help)."""
    random.seed(3)
    known = OPTIONS.split() + VALUES + list(string.printable)
    answers = []
    for _ in range(2000):
        words = random.choices(known, k=random.randrange(5))
        monkeypatch.setattr(sys, "argv", ["parallel_ring.py", *words])
        try:
            parallel_ring.parse(parallel_ring.Ring)
            answers.append("options")
        except SystemExit as end:
            answers.append(end.code)
        said = capsys.readouterr()
        assert said.err.count("error: ") == (answers[-1] == 2)
        assert bool(said.out) == (answers[-1] == 0)
    assert set(answers) == {0, 2, "options"} and answers.count("options") > 100


@pytest.mark.skipif(os.geteuid() == 0, reason="it needs another user than root")
def test_no_permission(driver, python, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    (tmp_path / "out.spk").write_bytes(TABLE)
    (tmp_path / "out.spk").chmod(0)
    for output in ("closed/out.spk", "out.spk"):
        done = driver("-o", output)
        words = f"parallel_ring.py: error: --output = '{output}': Permission denied\n"
        assert (done.returncode, done.stderr) == (2, words)
    done = python(ROOT / "plot_spikes.py")
    assert done.returncode == 2
    assert (
        done.stderr
        == "plot_spikes.py: error: [Errno 13] Permission denied: 'out.spk'\n"
    )


# The file is whole or untouched


def test_a_write_killed_at_any_moment_leaves_one_whole_file(start, tmp_path):
    """The moment of writing is short: here a process does nothing else."""
    out = tmp_path / "out.spk"
    random.seed(7)
    for _ in range(4):
        writer = start(sys.executable, SCRIPTS / "fault_writer.py")
        wait_until(out.exists)
        time.sleep(random.uniform(0, 0.1))
        writer.kill()
        writer.wait()
        lines = out.read_bytes().splitlines()
        assert len(lines) == 20_000 and len(set(lines)) == 1
        out.unlink()


def left_alone(done, folder, reason):
    """The old file is intact, the error is one clear line, nothing is left behind."""
    assert done.returncode == 1 and "Traceback" not in done.stderr
    words = f"parallel_ring.py: error: [Errno {reason}\n"
    assert done.stderr.count(words) == done.stderr.count("error:") == 1
    assert written(folder) == b"old"
    assert [path.name for path in folder.iterdir()] == ["out.spk"]


def test_a_file_that_may_not_grow(mpiexec, tmp_path):
    (tmp_path / "out.spk").write_bytes(b"old")
    done = mpiexec(2, SCRIPTS / "fault_limit.py", "small")
    left_alone(done, tmp_path, "27] File too large")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one page at tmp_path/disk: room for its root folder and one small file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk(mpiexec, small_disk):
    (small_disk / "out.spk").write_bytes(b"old")
    done = mpiexec(2, SCRIPTS / "fault_limit.py", "folder", small_disk)
    left_alone(done, small_disk, "28] No space left on device")


def test_a_device_that_is_full(mpiexec):
    done = mpiexec(2, DRIVER, "-o", "/dev/full")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count("error: [Errno 28] No space left on device\n") == 1


def test_a_pipe_is_written_to(start_mpiexec, run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = start_mpiexec(2, DRIVER, "-o", "pipe")
    assert run("cat", "pipe", timeout=30).stdout.encode() == TABLE
    assert process.wait(60) == 0 and (tmp_path / "pipe").is_fifo()


def test_a_disk_that_is_read_only(driver, small_disk):
    (small_disk / "out.spk").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for output in ("disk/out.spk", "disk/new.spk"):
        done = driver("-o", output)
        assert done.returncode == 2 and "spikes" not in done.stdout
        assert f"error: --output = '{output}': Read-only file system\n" in done.stderr
    assert (small_disk / "out.spk").read_bytes() == b"old"


def test_a_folder_that_vanishes_during_the_run(mpiexec, tmp_path):
    (tmp_path / "sub").mkdir()
    words = "vanishes", "-o", "sub/out.spk"
    done = mpiexec(2, SCRIPTS / "fault_limit.py", *words)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
    assert re.search(r"No such file or directory: '.*/sub/out.spk\.", done.stderr)


def test_two_runs_at_once_leave_one_whole_file(driver, start, tmp_path):
    wholes = set()
    for weight in ("0.01", "0.02"):
        driver("--syn-w", weight, "-o", "alone")
        wholes.add(written(tmp_path, "alone"))
    for _ in range(2):
        pair = [start(sys.executable, DRIVER, "--syn-w", w) for w in ("0.01", "0.02")]
        assert [process.wait(60) for process in pair] == [0, 0]
        assert written(tmp_path) in wholes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "out.spk"]


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(driver, tmp_path):
    (tmp_path / "else").mkdir()
    real = tmp_path / "else" / "real.spk"
    real.write_bytes(b"old")
    real.chmod(0o640)
    links = {"out.spk": "real.spk", "new.spk": "fresh.spk", "lost.spk": "not/there.spk"}
    for link, target in links.items():
        (tmp_path / link).symlink_to(f"else/{target}")
        done = driver("-o", link)
        assert (tmp_path / link).is_symlink()
        if link != "lost.spk":
            assert done.returncode == 0 and written(tmp_path / "else", target) == TABLE
    assert done.returncode == 2
    assert "'lost.spk': No such file or directory" in done.stderr
    modes = [
        path.stat().st_mode & 0o777 for path in (real, real.with_name("fresh.spk"))
    ]
    (tmp_path / "plain").touch()
    assert modes == [0o640, (tmp_path / "plain").stat().st_mode & 0o777]


# Long runs


def test_a_long_run_says_how_far_it_is(mpiexec, python, tmp_path):
    """With a clock that stands still, and with one that is three thousand times too fast."""
    still = python(SCRIPTS / "fault_clock.py", 0)
    assert (still.returncode, still.stderr) == (0, "")
    quick = mpiexec(2, SCRIPTS / "fault_clock.py", 3000)
    line = r"simulated (\d+) of 2000 ms in (\d+) s\n"
    times = [(int(done), int(took)) for done, took in re.findall(line, quick.stderr)]
    assert quick.returncode == 0 and len(times) == quick.stderr.count("\n")
    assert 2 <= len(times) <= 12 and times == sorted(times) and times[0][1] >= 10
    assert "simulated 100" not in quick.stdout
    assert written(tmp_path).count(b"\n") > 290
