import { serveTasks } from '../runtime/thread.ts';
import { doJobTask } from './tasks.ts';

serveTasks(doJobTask, () => []);
