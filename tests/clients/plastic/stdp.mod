COMMENT
A synapse that learns: each of its connections grows where it came before the cell fired.
ENDCOMMENT

NEURON {
    POINT_PROCESS STDP
    RANGE tau, e, i, tau_learn, rate, largest
    NONSPECIFIC_CURRENT i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 2 (ms)
    e = 0 (mV)
    tau_learn = 20 (ms)
    rate = 0.2
    largest = 0.01 (uS)
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE {
    g (uS)
}

INITIAL {
    g = 0
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE state METHOD cnexp
    i = g * (v - e)
}

DERIVATIVE state {
    g' = -g / tau
}

NET_RECEIVE(weight (uS), learned (uS), came (ms)) {
    INITIAL {
        learned = 0
        came = -1e9
    }
    if (flag == 0) { : an event of a connection
        g = g + weight + learned
        came = t
    } else if (flag == 1) { : once, at the start
        WATCH (v > -20) 2
    } else { : the cell fires
        FOR_NETCONS(w, l, c) {
            l = l + rate * (largest - l) * exp((c - t) / tau_learn)
        }
    }
}
