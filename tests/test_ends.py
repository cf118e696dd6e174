"""How a run ends: an error on one host ends all, hosts that differ are told, the rest ends well."""

import re
import sys

import pytest

HEAD = """
import sys, time, simrun, ring
from simrun import h
my_ring = ring.Ring()
pc = my_ring.pc
me = pc.id()
build = ring.Ring.create_cells
def fault(*_): raise RuntimeError("broken")
"""
LONG = "\nsimrun.prun(1e6)\nprint('after 1e6 ms')"  # where the others are, for hours
SAME = "another host: must be equal"
CALLS = "another host: all must call the same"
BROKEN = "Traceback(.*\n)*RuntimeError: broken"
START = "handler = h.FInitializeHandler"
TWICE = "art = h.NetStim(); pc.set_gid2node(9, me); pc.cell(9, h.NetCon(art, None))\n"
TWICE += "nc = pc.gid_connect(9, my_ring.cells[0].synlist[0])"
PICTURE = "import plot_spikes; me or my_ring.cells[0].dend.pt3dclear()\n"


def caught(code):
    """The code of a host that goes on after its error, where the others wait."""
    return f"try:\n    {code}\nexcept Exception:\n    pass"


ENDS = [  # what some host does, the status of all (None: not 0), and what is seen
    ("me == 1 and fault()", 1, BROKEN),
    ("me == 1 and fault()\npc.barrier()", 1, BROKEN),
    ("me == 1 and pc.set_gid2node(1, 1)", 1, "gid=1 already exists"),
    ("ring.Ring.create_cells = lambda r: (build(r), me == 1 and fault())\nring.Ring()", 1, BROKEN),
    (START + "(lambda: me == 1 and h.cvode.event(5, fault))", 1, BROKEN),
    (START + "(lambda: me == 1 and pc.set_gid2node(1, 1))", 1, "gid=1 already exists"),
    (START + "(lambda: me or sys.exit(3))", 1, "left in the middle of a run"),
    (START + "(lambda: h.cvode.event(5, lambda: me or h.quit()))", 1, "left in the middle"),
    (TWICE, 1, "gid 9, used by host \\d, has a cell on 2 hosts"),
    ("ring.write_whole = fault\nsimrun.prun(50)\nmy_ring.write_spikes()", 1, BROKEN),
    ("if me == 1: raise KeyboardInterrupt", None, "\nKeyboardInterrupt\n"),
    ("if me == 1: sys.exit('no model')", 1, "^no model\n"),
    ("if me == 1: sys.exit('no model')\npc.barrier()", 1, "^no model\n"),
    ("if me == 1: sys.exit(3)", 3, ""),
    ("if me == 1: sys.exit(3)\npc.barrier()", 3, ""),
    ("if me == 1: sys.stdout = None; 1 / 0", 1, "ZeroDivisionError"),
    ("if me == 1: sys.stderr = None; 1 / 0", 1, ""),
    ("if me == 1: sys.stdout.close(); 1 / 0", 1, "ZeroDivisionError"),
    ("if me == 1: sys.stdout = open('/dev/full', 'w'); print('x'); 1 / 0", 1, ""),
    ("ring.Ring(N=5 + me)", 1, f"ValueError: N = \\d, but \\d on {SAME}"),
    ("if me == 1: raise SystemExit(4)", None, f"prun here, but the end of the script on {CALLS}"),
    ("if me == 1: sys.exit()", None, f"prun here, but the end of the script on {CALLS}"),
    (caught("1 / me; simrun.prun(30)"), 1, "another host: must be equal"),
    (caught("me or my_ring.gather_spikes()"), 1, CALLS),
    (PICTURE + caught("plot_spikes.show_network(my_ring)"), 1, CALLS),
    ("ring.Ring.create_cells = lambda r: (1 / me, build(r))\n" + caught("ring.Ring()"), 1, CALLS),
    ("ring.Ring.create_cells = lambda r: build(r) if me else sys.exit()\nring.Ring()", 1, CALLS),
]


@pytest.mark.parametrize("code, status, seen", ENDS)
def test_what_goes_wrong_on_a_host_ends_all(mpiexec, tmp_path, code, status, seen):
    done = mpiexec(2, "-c", HEAD + code + LONG)
    assert done.returncode != 0 and status in (None, done.returncode)
    assert re.search(seen, done.stderr) and "after 1e6 ms" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_tracebacks_of_several_hosts_do_not_mix(mpiexec):
    done = mpiexec(3, "-c", f"{HEAD}def f(n):\n    return 1 / n if n < 1 else f(n - 1)\nf(20)")
    whole = re.findall(r"Traceback .*\n(?:  .*\n)+ZeroDivisionError: .*\n", done.stderr)
    assert done.returncode == 1 and len(whole) == done.stderr.count("Traceback") >= 1


NAMES = {  # of each call, as it is told
    "my_ring.gather_spikes": "gather_spikes",
    "my_ring.write_spikes": "write_spikes",
    "simrun.prun": "prun",
    "simrun.simulate": "prun",
    "ring.Ring": "Ring",
    "(lambda: plot_spikes.show_network(my_ring))": "show_network",
    "parallel_ring.main": "main",
}


@pytest.mark.parametrize("who, call", [(0, "my_ring.write_spikes"), (1, "simrun.prun")])
def test_a_call_that_one_host_makes_alone(mpiexec, tmp_path, who, call):
    done = mpiexec(2, "-c", f"{HEAD}if me == {who}:\n    {call}()")
    assert done.returncode != 0 and not list(tmp_path.iterdir())
    words = f"RuntimeError: {NAMES[call]} here, but the end of the script on {CALLS}"
    assert done.stderr.count(words) == 1 and done.stderr.count("Traceback") == 1


DIFFER = {
    "N": "ring.Ring(N=5 + me)",
    "syn_delay": "my_ring.set_numcells(5)",
    "tstop": "simrun.prun(100 + me)",
    "dt": "simrun.prun(100, 0.025 / (1 + me))",
    "coreneuron": "simrun.prun(9, coreneuron=me == 1)",
    "celsius": "h.celsius = 7 + me; simrun.prun()",
    "v_init": "h.celsius, h.v_init = 6.3, -70 + me; simrun.prun()",
}


def test_hosts_that_make_a_call_with_different_values(mpiexec):
    script = f"{HEAD}import re\nmy_ring.syn_delay += me\nfor name, call in {DIFFER}.items():\n"
    script += "    try:\n        exec(call)\n    except ValueError as error:\n"
    script += (
        f"        assert re.fullmatch(rf'{{name}} = .*, but .* on {SAME}', str(error)), error\n"
    )
    done = mpiexec(3, "-c", f"{script}        print(f'told\\n', end='')")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", 3 * len(DIFFER) * "told\n")


def test_hosts_that_make_different_calls(mpiexec):
    """Each call of one host against another of the other: both are told, and go on."""
    script = f"{HEAD}import parallel_ring, plot_spikes\nnames = {list(NAMES.values())}\n"
    script += f"calls = [{', '.join(NAMES)}]\n"
    script += """
for i, j in [(i, (i + shift) % len(calls)) for shift in (1, 5) for i in range(len(calls))]:
    one, other = (j, i) if me else (i, j)
    if names[i] != names[j]:
        try:
            calls[one]()
        except RuntimeError as error:
            words = f"{names[one]} here, but {names[other]} on another host: all must call the same"
            assert str(error).startswith(words), error
            print("told\\n", end="")
"""
    done = mpiexec(2, "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("told") == 2 * (2 * len(NAMES) - 1)


# What is no error must end as it would without us

THREAD = "from threading import Thread; t = Thread(target=sys.exit, args=[3]); t.start(); t.join()"
HARMLESS = [
    "if me == 0: " + THREAD,
    "try: me or sys.exit(3)\nexcept SystemExit as end: assert end.code == 3",
    "import argparse as a\ntry: me or a.ArgumentParser().parse_args('x')\nexcept SystemExit: pass",
    "import pytest\nwith pytest.raises(SystemExit) as e: sys.exit(3)\nassert e.value.code == 3",
    "import multiprocessing as m\np = m.get_context('fork').Process(target=sys.exit, args=[3])\n"
    "me or (p.start(), p.join()); assert me or p.exitcode == 3",
    "import os\nif me == 0:\n    child = os.fork()\n    if not child: os._exit(3)\n"
    "    os.waitpid(child, 0)",
    "import importlib; importlib.reload(simrun); r = ring.Ring(); simrun.prun(20)",
    "try: my_ring.write_spikes('/nowhere/out.spk')\nexcept OSError: print('caught')",
]


def test_what_is_caught_or_meant_does_no_harm(mpiexec):
    code = "".join(f"{each}\npc.barrier()\nprint('well\\n', end='')\n" for each in HARMLESS)
    done = mpiexec(2, "-c", HEAD + code)
    assert (done.returncode, done.stdout.count("well\n")) == (0, 2 * len(HARMLESS)), done.stderr
    assert "Traceback" not in done.stderr and done.stdout.count("caught") == 1


GOOD = [
    ("time.sleep(me); raise SystemExit(4)", 4),
    ("from mpi4py import MPI; MPI.Finalize(); raise SystemExit(0)", 0),
    ("pc.done(); raise SystemExit(4)", 4),
]


@pytest.mark.parametrize("ends, status", GOOD)
def test_all_hosts_come_to_the_end(mpiexec, ends, status):
    done = mpiexec(2, "-c", HEAD + "simrun.prun()\n" + ends)
    assert done.returncode == status and "Error:" not in done.stderr
    assert status or done.stderr == ""


@pytest.mark.parametrize("ends", ["", "h.quit()"])
def test_neuron_s_bulletin_board(mpiexec, ends):
    script = "import simrun\nfrom simrun import h\npc = h.ParallelContext()\npc.runworker()\n"
    script += "for n in range(5):\n    pc.submit(pow, n, 2)\ntotal = 0\n"
    script += "while pc.working():\n    total += pc.pyret()\nprint(total)\npc.done()\n"
    done = mpiexec(3, "-c", script + ends)
    assert (done.returncode, done.stdout, done.stderr) == (0, "30.0\n", "")


def test_hooks_that_a_script_has_set_are_kept(mpiexec):
    hooks = "import signal, sys\nsys.excepthook = lambda *error: print('my hook', error[1])\n"
    hooks += "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    kept = "assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN\nif me == 1: 1 / 0\n"
    done = mpiexec(2, "-c", hooks + HEAD + kept + "pc.barrier()")
    assert done.returncode == 1 and done.stdout == "my hook division by zero\n"


def test_a_host_that_waits_at_the_end_does_not_spin(mpiexec):
    script = f"""{HEAD}
import atexit, os, resource
cpu = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before = cpu()
if me == 0: time.sleep(3)
simrun.MPI.COMM_SELF.Delete_attr(simrun.the_end)
if me == 1: print("spent", cpu() - before)
atexit._clear()"""
    done = mpiexec(2, "-c", script)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) < 1  # of 3 s


def test_it_can_be_imported_by_a_thread(mpiexec):
    script = "import sys, threading\nt = threading.Thread(target=__import__, args=['ring'])\n"
    for n in (1, 2):
        done = mpiexec(n, "-c", script + "t.start(); t.join()" + HEAD + "simrun.prun()")
        assert (done.returncode, done.stderr) == (0, "")


def test_a_working_folder_that_is_gone(mpiexec, run, tmp_path):
    gone = "import os\nfolder = str(os.getpid())\nos.mkdir(folder)\nos.chdir(folder)\n"
    done = mpiexec(2, "-c", gone + "os.rmdir('../' + folder)\nimport simrun")
    assert done.returncode == 1 and "FileNotFoundError" in done.stderr
    done = run("sh", "-c", f"mkdir d; cd d; rmdir ../d; {sys.executable} -c 'import simrun'")
    assert done.returncode == 1 and "FileNotFoundError" in done.stderr
    assert not list(tmp_path.iterdir())
