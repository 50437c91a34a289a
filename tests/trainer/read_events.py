# What the real TensorBoard reads in a run's folder, and in a search's.
# SPDX-License-Identifier: LGPL-2.1-or-later
import sys

from tensorboard.backend.event_processing import event_accumulator as ea
from tensorboard.plugins.hparams import plugin_data_pb2


def load(path):
    a = ea.EventAccumulator(path, size_guidance={ea.SCALARS: 0, ea.IMAGES: 0})
    a.Reload()
    return a


def scalars(path, tag, steps, last):
    got = load(path).Scalars(tag)
    assert [e.step for e in got] == steps, [e.step for e in got]
    assert abs(got[-1].value - last) < 1e-5 * abs(last), (got[-1].value, last)


def images(path, tag, count):
    got = load(path).Images(tag)
    assert len(got) == count, len(got)
    assert got[0].encoded_image_string.startswith(b"\x89PNG")


def trials(paths, key):
    """Every folder has its hyper-parameters and its end."""
    for path in paths:
        a = load(path)
        content = a.SummaryMetadata("_hparams_/session_start_info").plugin_data
        data = plugin_data_pb2.HParamsPluginData.FromString(content.content)
        assert key in data.session_start_info.hparams, path
        a.SummaryMetadata("_hparams_/session_end_info")


what, args = sys.argv[1], sys.argv[2:]
if what == "scalars":
    scalars(args[0], args[1], [int(s) for s in args[2].split()],
            float(args[3]))
elif what == "images":
    images(args[0], args[1], int(args[2]))
elif what == "trials":
    trials(args[1:], args[0])
