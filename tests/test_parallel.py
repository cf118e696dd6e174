"""Under mpiexec: the table, and the same spikes on any number of processes."""

import os
import re
import sys

import pytest
from conftest import DRIVER, MPIEXEC, SCRIPTS, TABLE, ends_well, written


def hosts(stdout):
    return sorted(re.findall(r"^I am (\d+) of (\d+)$", stdout, re.M))


def test_the_published_table_on_more_hosts_than_cells(mpiexec, tmp_path):
    done = mpiexec(7, DRIVER)
    ends_well(done)
    assert written(tmp_path) == TABLE
    assert os.listdir(tmp_path) == ["out.spk"]
    assert hosts(done.stdout) == [(str(rank), "7") for rank in range(7)]
    words = r"cells 5, hosts 7, simulated 100 ms, spikes 14, wall time \d+\.\d\d s, "
    words += r"load balance \d+%, file 'out.spk'\n2 of 7 hosts have no cell\n"
    assert re.search(rf"^{words}\Z", done.stdout, re.M)


def test_the_table_without_a_launcher_and_without_matplotlib(python, tmp_path):
    script = "import parallel_ring, sys; parallel_ring.main()\n"
    done = python("-c", script + "print('matplotlib' in sys.modules)")
    ends_well(done)
    assert done.stdout.startswith("I am 0 of 1\ncells 5, hosts 1, ")
    assert done.stdout.endswith("False\n")
    assert written(tmp_path) == TABLE


def test_the_spikes_are_the_same_to_the_last_bit_with_every_solver(mpiexec):
    one, three = (mpiexec(n, SCRIPTS / "run_exact.py") for n in (1, 3))
    assert (one.returncode, three.returncode) == (0, 0), one.stderr + three.stderr
    assert one.stdout == three.stdout
    rows = one.stdout.splitlines()
    for i in range(0, 40, 4):  # ten rings, four solvers
        fixed, core, variable, exact = rows[i : i + 4]
        assert fixed == core
        if fixed:
            assert len({fixed, variable, exact}) == 3 and fixed.count(",") > 1
        else:
            assert variable == exact == ""
    assert len(rows) == 46 and any(rows[40:45]) and rows[45].count(",") > 150


@pytest.mark.parametrize("first", ["neuron", "both", "thread"])
def test_the_order_of_the_imports_does_not_matter(mpiexec, tmp_path, first):
    script = SCRIPTS / "run_imports.py"
    done = mpiexec(2, script, first, NEURON_MODULE_OPTIONS="-nogui")
    ends_well(done)
    assert hosts(done.stdout) == [("0", "2"), ("1", "2")]
    assert [path.read_bytes() for path in tmp_path.glob("*.spk")] == 3 * [TABLE]


LAUNCHERS = {
    "OMPI_COMM_WORLD_SIZE": "OMPI_COMM_WORLD_RANK",
    "SLURM_STEP_NUM_TASKS": "SLURM_PROCID",
}


@pytest.mark.parametrize("size, rank", LAUNCHERS.items())
def test_a_launcher_that_mpi_does_not_know_is_found_out(python, size, rank):
    def start(started, number):
        done = python("-m", "simrun", **{size: started, rank: number})
        return done.returncode, done.stderr

    status, said = start("2", "0")
    words = rf"simrun: a launcher started 2 processes \({size}\), but .* sees 1\."
    assert status == 1 and re.match(words, said)
    assert f"mpiexec of that MPI (of pip: {sys.prefix}/bin/mpiexec)" in said
    assert start("2", "1") == (1, "")  # process 0 speaks for all
    assert start("1", "0") == (0, "")


def test_an_mpiexec_that_has_used_srun_for_its_daemons(python):
    daemons = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"}
    one = {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}
    assert python("-m", "simrun", **daemons, **one).returncode == 0


BAD = [
    ("--syn-delay 0.02", "shortest delay = 0.02 ms: must be longer than 0.025 ms"),
    ("--syn-delay 0.04 --coreneuron", "shortest delay = 0.04 ms: must be longer"),
    ("--coreneuron --variable-step", "coreneuron can't run variable_step"),
    ("-o nowhere/out.spk", "--output = 'nowhere/out.spk': No such file or directory"),
    ("-o .", "--output = '.': Is a directory"),
    ("--output=", "--output = '': Is a directory"),
    (
        "--syn_w=1",
        "unrecognized arguments (see --help; --syn-w, not --syn_w): --syn_w=1",
    ),
    ("--variable-step x", "argument --variable-step: invalid float value: 'x'"),
]


@pytest.mark.parametrize("words, message", BAD)
def test_bad_input_is_named_once(driver, mpiexec, tmp_path, words, message):
    for done in driver(*words.split()), mpiexec(2, DRIVER, *words.split()):
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert done.stderr.count(f"parallel_ring.py: error: {message}") == 1
        assert done.stderr.count("error:") == 1 and not list(tmp_path.iterdir())


@pytest.mark.parallel
@pytest.mark.parametrize(
    "launcher, shell", [("", "> log && cat log"), (f"{MPIEXEC} -n 2", "")]
)
def test_the_spikes_on_standard_output(run, launcher, shell):
    command = f"{launcher} {sys.executable} {DRIVER} -o /dev/stdout {shell}"
    done = run("sh", "-c", command)
    ends_well(done)
    assert TABLE.decode() in done.stdout and "I am 0 of" in done.stdout
    assert done.stdout.endswith("file '/dev/stdout'\n")


def test_help_once_with_an_example(mpiexec):
    done = mpiexec(2, DRIVER, "--help")
    ends_well(done)
    text = " ".join(done.stdout.split())
    assert text.count("usage:") == 1 and "spikes; default out.spk" in text
    assert "as in mpiexec -n 4 python parallel_ring.py -N 100 --tstop 200" in text
