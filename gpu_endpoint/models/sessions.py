"""onnxruntime sessions as this container wants them."""

from pathlib import Path

import onnxruntime

from gpu_endpoint.models.onnx_files import refuse_parts

ERRORS_ONLY = 3


def open_session(path: Path, *, threads: int) -> onnxruntime.InferenceSession:
    """A CPU session on `threads` threads that sleep, not spin, between calls. Raises: ModelFileError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Spinning threads would take the cores that decode the next sheet.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without VNNI a processor adds products of bytes in 16 bits, which overflow: rather slower than wrong.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(refuse_parts(path)), options, providers=["CPUExecutionProvider"])
