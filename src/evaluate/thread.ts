import { serveTasks } from '../runtime/thread.ts';
import { answerScoring } from './tasks.ts';

serveTasks(answerScoring, (answer) => [answer.buffer as ArrayBuffer]);
