"""Other people's networks: plain NEURON, or NetPyNE, made parallel by `import simrun`."""

import re
from importlib.util import find_spec

import pytest
from conftest import ROOT

NETPYNE = ROOT / "tests" / "netpyne_net.py"
needs_netpyne = pytest.mark.skipif(
    not find_spec("netpyne"), reason="NetPyNE is not installed"
)

# Ten cells that excite one another, in plain NEURON: whoever wrote it knows nothing of a Ring
PLAIN = """
{first}
from neuron import h
h.load_file("stdrun.hoc")
pc = h.ParallelContext()
cells, connections, times, gids = [], [], h.Vector(), h.Vector()
for gid in range(int(pc.id()), 10, int(pc.nhost())):
    soma = h.Section(name=f"soma{{gid}}")
    soma.L = soma.diam = 20
    soma.insert("hh")
    pc.set_gid2node(gid, pc.id())
    pc.cell(gid, h.NetCon(soma(0.5)._ref_v, None, sec=soma))
    cells.append((gid, soma, h.ExpSyn(soma(0.5))))
for gid, soma, syn in cells:
    for source in (gid - 1) % 10, (gid - 3) % 10:
        nc = pc.gid_connect(source, syn)
        nc.weight[0], nc.delay = 0.02, 3 + gid / 7
        connections.append(nc)
    if gid == 0:
        clamp = h.IClamp(soma(0.5))
        clamp.delay, clamp.dur, clamp.amp = 1, 1, 1
pc.spike_record(-1, times, gids)
h.tstop = 60
{run}
mine = sorted(zip(times, gids))
everyone = sorted(sum(pc.py_gather(mine, 0) or [], []))
if pc.id() == 0:
    print(*(f"{{t.hex()}} {{gid:.0f}}" for t, gid in everyone), sep="\\n")
{last}
"""
RUNS = {
    "simrun.prun": "import simrun\nsimrun.prun(60)",
    "psolve": "pc.set_maxstep(10)\nh.finitialize(-65)\npc.psolve(60)",
    "h.run": "pc.set_maxstep(10)\nh.run()",
}


@pytest.mark.parametrize("way", RUNS)
def test_a_plain_network_fires_the_same_spikes_on_any_number_of_hosts(
    mpiexec, python, way
):
    alone = python("-c", PLAIN.format(first="", run=RUNS["h.run"], last=""))
    assert alone.returncode == 0 and alone.stdout.count("\n") > 20
    script = PLAIN.format(first="import simrun", run=RUNS[way], last="")
    for n in (1, 2, 3):
        done = mpiexec(n, "-c", script)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout == alone.stdout


ENDS = ["", "import sys; sys.exit()", "raise SystemExit(0)", "quit()", "h.quit()"]
ENDS += ["pc.barrier(); pc.done()", "pc.runworker(); pc.done(); h.quit()"]


@pytest.mark.parametrize("last", ENDS)
def test_a_script_that_ends_well_says_and_returns_what_it_would_alone(
    mpiexec, python, last
):
    without = python("-c", PLAIN.format(first="", run=RUNS["psolve"], last=last))
    script = PLAIN.format(first="import simrun", run=RUNS["psolve"], last=last)
    assert without.returncode == 0
    for done in python("-c", script), mpiexec(2, "-c", script):
        assert (done.returncode, done.stderr, done.stdout) == (0, "", without.stdout)


def test_an_error_on_one_host_ends_a_plain_network_on_all(mpiexec):
    fault = "if pc.id() == 1: raise RuntimeError('broken')\n" + RUNS["psolve"]
    done = mpiexec(3, "-c", PLAIN.format(first="import simrun", run=fault, last=""))
    assert done.returncode == 1 and "RuntimeError: broken" in done.stderr


@needs_netpyne
def test_netpyne_is_parallel_by_one_line(mpiexec, tmp_path):
    files = []
    for n in (1, 2, 3):
        done = mpiexec(n, NETPYNE)
        assert done.returncode == 0, done.stderr  # it shows its progress there
        assert re.findall(
            r"^NetPyNE on (\d) hosts: \d\d\d spikes$", done.stdout, re.M
        ) == [str(n)]
        files.append((tmp_path / "netpyne.spk").read_bytes())
    assert files == 3 * files[:1]
    (tmp_path / "without.py").write_text(
        NETPYNE.read_text().replace("import simrun", "")
    )
    said = mpiexec(2, "without.py").stdout
    assert re.findall(r"^NetPyNE on (\d) hosts", said, re.M) == ["1", "1"]


@needs_netpyne
def test_an_error_on_one_host_ends_netpyne_on_all(mpiexec, tmp_path):
    fault = "if sim.pc.id() == 1: raise RuntimeError('broken')\nsim.createSimulate("
    script = NETPYNE.read_text().replace("sim.createSimulate(", fault)
    script = script.replace(
        "import sim,", "import sim, specs\nsim.pc = h.ParallelContext() #"
    )
    script = script.replace("from netpyne", "from neuron import h\nfrom netpyne", 1)
    (tmp_path / "fault.py").write_text(script)
    done = mpiexec(2, "fault.py")
    assert done.returncode == 1 and "RuntimeError: broken" in done.stderr
