"""The whole chain in one process under virtual time, with everything that can go wrong.

Real: the events, `shared.bus` with its publisher, consumer and parking, the services' handlers, the
Dynamics adapters, the broker core of the local Service Bus, the Dynamics simulator. Left out:
sockets, the Functions host, SQL (the memory stores are its definition, held against it elsewhere).

A run is a seed: it decides the tills' day, every delay, and where the faults strike. The strikes
that happened are a list, so that a failing run can be repeated with fewer of them: `shrinking`.
"""
