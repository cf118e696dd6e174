"""How a run ends: an error on one host ends all, hosts that differ are told, the rest ends well."""

import re

import pytest
from conftest import SCRIPTS, ends_well

BROKEN = "Traceback(.*\n)*RuntimeError: broken"
NEVER = "call it on every host, outside of any `if`"
FAULTS = [
    ("in_script", BROKEN),
    ("before_a_raw_call", BROKEN),
    ("in_neuron", r"Traceback(.*\n)*RuntimeError: .*gid=1 already exists"),
    ("in_building", BROKEN),
    ("in_initialising", BROKEN),
    ("in_an_event", "RuntimeError: broken"),
    ("in_writing", BROKEN),
    ("interrupted", "\nKeyboardInterrupt\n"),
    ("with_stdout_full", ""),
    ("other_parameters", "ValueError: N = 5, but 6 on host 1: must be equal"),
    (
        "exit_of_one",
        f"host 1 is at the end of the script, and never called prun: {NEVER}",
    ),
    ("caught_and_gone_on", "tstop = .*, but .* on host .: must be equal"),
    ("one_gathers", f"host 1 is at prun, and never called gather_spikes: {NEVER}"),
    ("one_draws", f"host 1 is at prun, and never called gather_shapes: {NEVER}"),
    ("own_signal", BROKEN),
]


@pytest.mark.parametrize("fault, seen", FAULTS)
def test_what_goes_wrong_on_a_host_ends_all(mpiexec, tmp_path, fault, seen):
    done = mpiexec(2, SCRIPTS / "end_fault.py", fault)
    assert done.returncode != 0 and re.search(seen, done.stderr), done.stderr
    assert done.stdout == "" and not list(tmp_path.iterdir())


def test_a_hook_that_a_script_has_set_is_kept(start_mpiexec):
    process = start_mpiexec(2, SCRIPTS / "end_fault.py", "hooked")
    said = [process.stdout.readline(), process.stdout.readline()]
    assert "my hook: broken\n" in said


def test_the_tracebacks_of_several_hosts_do_not_mix(mpiexec):
    done = mpiexec(3, SCRIPTS / "end_deep.py")
    whole = r"Traceback .*\n(?:  .*\n)+ZeroDivisionError: .*\n"
    assert done.returncode == 1 and len(re.findall(whole, done.stderr)) == 1
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize("who, call", [(0, "gather_spikes"), (1, "prun")])
def test_a_call_that_one_host_makes_alone(mpiexec, tmp_path, who, call):
    done = mpiexec(2, SCRIPTS / "end_alone.py", who, call)
    words = f"host {1 - who} is at the end of the script, and never called {call}"
    assert done.returncode != 0 and not list(tmp_path.iterdir())
    assert done.stderr.count(words) == done.stderr.count("Traceback") == 1


def test_hosts_that_make_a_call_with_different_values(mpiexec):
    done = mpiexec(3, SCRIPTS / "end_values.py")
    ends_well(done)
    assert done.stdout == 27 * "told\n"


def test_hosts_that_make_different_calls(mpiexec):
    done = mpiexec(2, SCRIPTS / "end_calls.py")
    ends_well(done)
    assert done.stdout == 20 * "told\n"


def test_what_is_caught_or_meant_does_no_harm(mpiexec):
    done = mpiexec(2, SCRIPTS / "end_harmless.py")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout.count("well\n"), done.stdout.count("caught\n")) == (14, 1)


@pytest.mark.parametrize("end", ["finalize", "board", "late"])
def test_all_hosts_come_to_the_end(mpiexec, end):
    done = mpiexec(2, SCRIPTS / "end_well.py", end)
    ends_well(done)
    assert done.stdout == ("30\n" if end == "board" else "")


@pytest.mark.parametrize("solver", ["coreneuron", "variable_step"])
def test_leaving_is_a_normal_exit(mpiexec, solver):
    done = mpiexec(2, SCRIPTS / "end_leave.py", solver)
    ends_well(done)
    assert done.stdout.count("not flushed by hand" * 1000) == 2
    assert done.stdout.count("atexit False") == 2
    assert "taken apart" not in done.stdout
