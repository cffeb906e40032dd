import * as ort from 'onnxruntime-node';
import { AppError, messageOf } from '../errors.ts';
import type { Tensor, Tensors } from '../vision/tensor.ts';
import { missingCudaLibrary } from './cuda-library.ts';
import type { Provider, ProviderChoice } from './provider.ts';

// What goes wrong is thrown; without this, every try of CUDA on a machine without it also prints to stderr.
ort.env.logLevel = 'fatal';

/** A loaded graph. `run` blocks the calling thread for as long as the network computes: use it in a worker. */
export interface Session {
  readonly provider: Provider;
  /** Why `auto` did not get a GPU. */
  readonly fallbackReason?: string;
  readonly run: (feeds: Tensors) => Promise<Tensors>;
  readonly release: () => Promise<void>;
}

export interface SessionOptions {
  readonly provider: ProviderChoice;
  /** Threads inside one operator, CPU provider only. */
  readonly threads: number;
}

/**
 * Opens an ONNX graph, a file's path or its bytes. `auto` tries CUDA and falls back to the CPU; a provider that was asked for by name is used or the
 * session is refused.
 * @throws AppError provider_unavailable or invalid_model.
 */
export async function openSession(graph: string | Uint8Array, { provider, threads }: SessionOptions): Promise<Session> {
  if (provider !== 'auto') return wrap(await create(graph, provider, threads), provider);
  let fallbackReason: string;
  try {
    return wrap(await create(graph, 'cuda', threads), 'cuda');
  } catch (error) {
    fallbackReason = messageOf(error);
  }
  return { ...wrap(await create(graph, 'cpu', threads), 'cpu'), fallbackReason };
}

async function create(graph: string | Uint8Array, provider: Provider, threads: number): Promise<ort.InferenceSession> {
  try {
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: [provider],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      // Threads that wait by spinning take the cores from the pictures that are being decoded.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    };
    // onnxruntime's types want to know which of the two it is.
    if (typeof graph === 'string') return await ort.InferenceSession.create(graph, options);
    return await ort.InferenceSession.create(graph, options);
  } catch (error) {
    if (provider === 'cpu' || !isProviderError(error)) {
      throw new AppError('invalid_model', `onnxruntime cannot load the graph: ${messageOf(error)}`, { cause: error });
    }
    const reason = (provider === 'cuda' && missingCudaLibrary()) || providerMessage(error);
    throw new AppError('provider_unavailable', `the ${provider} provider cannot be used: ${reason}`, { cause: error });
  }
}

function wrap(session: ort.InferenceSession, provider: Provider): Session {
  return {
    provider,
    async run(feeds) {
      const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([k, t]) => [k, toOrt(t)])));
      return Object.fromEntries(Object.entries(results).map(([k, t]) => [k, fromOrt(t)]));
    },
    release: () => session.release(),
  };
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.dtype, tensor.data, tensor.dims);
}

function fromOrt(tensor: ort.Tensor): Tensor {
  // Newer Node versions give float16 as Float16Array; Miru keeps the bits.
  const { data } = tensor;
  if (tensor.type === 'float16' && !(data instanceof Uint16Array)) {
    const { buffer, byteOffset, length } = data as Float32Array;
    return { dtype: 'float16', dims: tensor.dims, data: new Uint16Array(buffer, byteOffset, length) };
  }
  return { dtype: tensor.type, dims: tensor.dims, data } as Tensor;
}

/** onnxruntime has no error codes: a provider's failure shows in words only. */
function isProviderError(error: unknown): boolean {
  const message = messageOf(error);
  // A file that cannot be read; its name may hold any of the words below.
  if (message.startsWith('Load model from')) return false;
  return /ExecutionProvider|CUDA|cublas|cudnn|webgpu|dawn|adapter|backend/i.test(message);
}

/** onnxruntime's message without the source line and the C++ signature before it. */
function providerMessage(error: unknown): string {
  const lines = messageOf(error).replace(/^\S+\.cc:\d+ .*? was false\. /s, '');
  return lines.replace(/\s+/g, ' ').trim();
}
