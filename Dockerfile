# Two images. The CPU's is the last stage, so it is what a plain build gives:
#   docker build -t miru .
#   docker build -t miru:cuda --target cuda .

FROM node:24.20.0-bookworm-slim AS node
WORKDIR /app

# What runs. onnxruntime-node carries the binaries of five platforms; the image keeps its own.
FROM node AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev \
 && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM node AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM scratch AS app
WORKDIR /app
COPY package.json LICENSE NOTICE ./
COPY models models
COPY samples samples
COPY --from=build /app/dist dist

# ONNX Runtime's provider for CUDA 13. It fits one version of onnxruntime-node only: this one is of 1.29.0.
# The checksum is the package's dist.integrity in the npm registry, in hexadecimal.
FROM node AS provider
WORKDIR /provider
RUN package=com.github.asus4.onnxruntime.linux-x64-gpu version=0.4.9 libraries=package/Plugins/Linux/x64 \
 && sha512=168a4884d13f360fafd97eb9c1573d7253c2042be1bc0e771f1a3653429fe5f19d56c0bb88203e999d0a2d6820710023ed3219ea9362751e000b5d20ef85e8eb \
 && npm pack --silent "$package@$version" \
 && echo "$sha512  $package-$version.tgz" | sha512sum --check \
 && tar -xzf "$package-$version.tgz" --no-same-owner --strip-components=4 \
    "$libraries/libonnxruntime_providers_cuda.so" "$libraries/libonnxruntime_providers_shared.so" \
 && rm "$package-$version.tgz"

FROM nvidia/cuda:13.0.3-cudnn-runtime-ubuntu24.04 AS cuda
WORKDIR /app
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY --from=provider /provider node_modules/onnxruntime-node/bin/napi-v6/linux/x64
COPY --from=dependencies /app/node_modules node_modules
COPY --from=app /app .
RUN install -d -o 1000 -g 1000 /models
# Not auto: who takes this image wants the GPU, and without one would only notice that it is slow.
ENV PROVIDER=cuda
# Uploads go to the first directory that can be written to; the embedded models stay as they are.
ENV NODE_ENV=production HOST=0.0.0.0 MODELS_DIR=/models:/app/models
VOLUME /models
EXPOSE 8080
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]

FROM node AS cpu
COPY --from=dependencies /app/node_modules node_modules
COPY --from=app /app .
RUN install -d -o 1000 -g 1000 /models
ENV PROVIDER=cpu
# Uploads go to the first directory that can be written to; the embedded models stay as they are.
ENV NODE_ENV=production HOST=0.0.0.0 MODELS_DIR=/models:/app/models
VOLUME /models
EXPOSE 8080
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
