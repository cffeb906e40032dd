# The same measurement as bench/eval-one.mjs by pycocotools: prints seconds, peak memory and AP as JSON.
import contextlib
import io
import json
import resource
import sys
import time

try:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError as error:
    sys.exit(f"pycocotools cannot be imported: {error}")

ground_truth, predictions, iou_type = sys.argv[1:4]
with contextlib.redirect_stdout(io.StringIO()):
    start = time.perf_counter()
    truth = COCO(ground_truth)
    found = truth.loadRes(predictions)
    loaded = time.perf_counter()
    evaluation = COCOeval(truth, found, iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    done = time.perf_counter()
print(
    json.dumps(
        {
            "load": loaded - start,
            "score": done - loaded,
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "AP": evaluation.stats[0],
        }
    )
)
