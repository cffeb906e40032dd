import { serveOneTask } from '../runtime/isolated.ts';
import { runProbe } from './probe.ts';

serveOneTask(runProbe);
