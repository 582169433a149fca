"""Times Python's rapidocr on a folder of pictures, on one thread: what `cargo bench --bench text` is compared with.

    pip install rapidocr==3.10.0 onnxruntime
    python benches/text_reading.py FOLDER [COUNT]

Both print seconds of CPU per picture; the first picture warms up and is not counted.
"""

import resource
import sys
import time
from pathlib import Path

from rapidocr import RapidOCR

names = {".png", ".jpg", ".jpeg", ".webp"}
count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
pictures = sorted(path for path in Path(sys.argv[1]).iterdir() if path.suffix in names)[:count]
reader = RapidOCR(
    params={
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Global.log_level": "error",
    }
)
reader(str(pictures[0]))
times = []
for picture in pictures:
    start = time.process_time()
    reader(str(picture))
    times.append(time.process_time() - start)
times.sort()
mean = sum(times) / len(times)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(times)} pictures: mean {mean:.2f} s, median {times[len(times) // 2]:.2f} s, peak memory {peak:.0f} MB")
