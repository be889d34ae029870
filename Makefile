# The commands that people and CI both use. Each installs what it needs into .venv first; the second time it is there.

PYTHON ?= python3
MODEL ?= tiny
HOST ?= 127.0.0.1
PORT ?= 8000
JOBS_FOLDER ?= .cache/jobs

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
NODE_CLIENTS := tests/conformance/node_modules/.package-lock.json
BROWSER := tests/browser
NODE_CHECKS := $(BROWSER)/node_modules/.package-lock.json
LIVE := tests/conformance/live
LIVE_VENV := .venv-conformance
LIVE_CLIENTS := $(LIVE_VENV)/.installed
FILES := tests/conformance/files
FILES_VENV := .venv-conformance-files
FILES_CLIENTS := $(FILES_VENV)/.installed
WYOMING := tests/conformance/wyoming
WYOMING_VENV := .venv-conformance-wyoming
WYOMING_CLIENT := $(WYOMING_VENV)/.installed
MICROSOFT := tests/conformance/microsoft
MICROSOFT_VENV := .venv-conformance-microsoft
MICROSOFT_SCRIPTS := $(MICROSOFT_VENV)/.installed
VIBEVOICE_SOURCE ?= https://raw.githubusercontent.com/microsoft/VibeVoice/e73d1e17c3754f046352014856a922f8208fb5d3
DIST_VENV := .venv-dist
DIST := $(DIST_VENV)/.installed
RAY_VENV := .venv-ray
RAY := $(RAY_VENV)/.installed
NODE_AGENTS := tests/conformance/node/node_modules/.package-lock.json
VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' server/version.py)

.DEFAULT_GOAL := help
.PHONY: help install serve test test-slow test-browser test-browsers screenshots test-metrics test-rounds test-versions mutants check lint format conformance bench-files bench-overhead bench-encoder bench-segments bench-step bench-drafts bench-live bench-captions bench-gpu bench-memory bench-new-words bench-teaching bench-deviation bench-deterministic bench-offset bench-linears bench-voices bench-known-speakers bench-word-times bench-confidence bench-faults bench-job bench-long bench-loops bench-seams bench-ray soak ray rehearse-gpu tiny-checkpoint docs dist test-dist docker docker-cpu test-images requirements digests clean
.DELETE_ON_ERROR:

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(DEV) ## Make .venv with everything that development needs

serve: $(RUNTIME) ## Serve the bundled tiny checkpoint on port 8000 (MODEL=folder or hub id, HOST, PORT, JOBS_FOLDER=folder)
	@echo "Serving $(MODEL) on http://$(HOST):$(PORT) (Ctrl+C stops; /ready answers 200 once the model is loaded)"
	@exec $(BIN)/python -m server --model "$(MODEL)" --host "$(HOST)" --port "$(PORT)" \
		$(if $(JOBS_FOLDER),--jobs-folder "$(JOBS_FOLDER)")

# A process for each core, and a file's tests in one of them, for they share servers. Given some tests, it runs them in one.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist loadfile
test: $(DEV) ## Run the tests, but for the slow ones (TESTS="tests/server -k sse" for some of any kind)
	$(BIN)/python -m pytest $(or $(TESTS),$(SIDE_BY_SIDE) -m "not slow")

test-slow: $(DEV) $(if $(shell command -v npm),$(NODE_CLIENTS) $(NODE_CHECKS)) ## Run the slow ones: the page in a browser, clients, a load balancer, every command of the docs
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow

# Without Chromium or npm it fails: apt-get install chromium npm.
test-browser: $(DEV) $(NODE_CHECKS) ## Run the tests of the page in a real browser (TESTS="tests/browser/test_rig.py" for some)
	CI=true $(BIN)/python -m pytest $(or $(TESTS),$(BROWSER))

# They are skipped where a browser is missing: apt-get install firefox-esr webkit2gtk-driver xvfb gstreamer1.0-plugins-good pulseaudio.
test-browsers: $(DEV) ## Run the page's journeys in Firefox and in WebKit too
	$(BIN)/python -m pytest -m browsers $(BROWSER)/others

screenshots: $(DEV) ## Take the pictures of the README anew, into docs/pictures (ARGS="live phone": some of them)
	$(BIN)/python -m tests.browser.pictures $(ARGS)

test-metrics: $(DEV) ## Ask a real Prometheus, beside a server under load, for everything on the dashboard and in the alerts: two minutes
	CI=true $(BIN)/python -m pytest -m prometheus tests/deploy/test_prometheus.py

test-rounds: $(DEV) ## Kill the worker under a whole server at many moments more than `make test` does
	$(BIN)/python -m pytest -m rounds tests

# PyTorch of another version is a large download, so only the one that is there is tested by default.
test-versions: $(DEV) ## Run the model's tests with other versions (TRANSFORMERS="5.17.* newest" TORCH="present 2.11.*")
	$(BIN)/python -m tests.versions $(if $(TRANSFORMERS),--transformers $(TRANSFORMERS)) $(if $(TORCH),--torch $(TORCH)) -- $(TESTS)

# `rm -r mutants` lets it begin anew; otherwise it goes on with what nobody has noticed so far.
mutants: $(DEV) ## Count the small changes to the code that some test notices: a night (ARGS="--sample 300": half an hour)
	$(BIN)/python -m tests.mutants $(ARGS)

check: lint ## Lint, check the formatting and the types
	$(BIN)/mypy

# The page's scripts too, where npm is there; their types with them, since what checks those takes a second.
lint: $(DEV) $(if $(shell command -v npm),$(NODE_CHECKS)) ## Lint and check the formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(if $(shell command -v npm),npm --prefix $(BROWSER) run lint && npm --prefix $(BROWSER) run types)

format: $(DEV) ## Mend what the linter and the formatter can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# As in CI, a client that is not there is a failure here and no reason to skip; only wyoming-openai may be left out, told
# above, where there is no Python that it runs on.
conformance: $(DEV) $(NODE_CLIENTS) $(LIVE_CLIENTS) $(FILES_CLIENTS) $(NODE_AGENTS) $(WYOMING_CLIENT) $(MICROSOFT_SCRIPTS) ## Run the tests that drive unmodified clients, and note their versions in docs/clients.md (TESTS="tests/conformance/files")
	CI=true $(BIN)/python -m pytest --record-clients $(or $(TESTS),tests/conformance)

bench-files: $(DEV) ## Compare engine and server with Transformers' generate on the same clips (ARGS=--record: into the docs)
	$(BIN)/python -m bench.files $(ARGS)

bench-overhead: $(DEV) ## Measure what the server costs beside the model, in whose place a script answers (ARGS="--only answers realtime")
	$(BIN)/python -m bench.overhead $(ARGS)

bench-new-words: $(DEV) ## Teach the tiny checkpoint ten new words, and measure what it knows then: twenty minutes; needs espeak-ng
	$(BIN)/python -m bench.new_words $(ARGS)

bench-encoder: $(DEV) ## Compare the encoders with Transformers' modules
	$(BIN)/python -m bench.parts.encoder $(ARGS)

bench-segments: $(DEV) ## Memory and time of encoding, by how much is encoded at once
	$(BIN)/python -m bench.parts.segments $(ARGS)

bench-step: $(DEV) ## Time decode steps and count the forwards that guesses save
	$(BIN)/python -m bench.parts.step $(ARGS)

bench-drafts: $(DEV) ## Count the tokens a forward by kind of recording (ARGS="--tokenizer FOLDER": with that vocabulary)
	$(BIN)/python -m bench.parts.drafts $(ARGS)

bench-live: $(DEV) ## Measure delays and cost of live sessions, and what extending windows saves over redoing them
	$(BIN)/python -m bench.live $(ARGS)

bench-captions: $(DEV) ## Compare live captions with the transcripts of whole files
	$(BIN)/python -m bench.live.captions $(ARGS)

# On a machine where nothing can be installed: python3 -m bench.gpu. It needs PyTorch and Transformers alone.
bench-gpu: $(DEV) ## Measure the full-size model with random weights on a GPU, in ten minutes (ARGS=--rehearse: on a CPU)
	$(BIN)/python -m bench.gpu $(ARGS)

bench-memory: $(DEV) ## Compute what fits into the memory of a GPU
	$(BIN)/python -m bench.parts.memory $(ARGS)

bench-teaching: $(DEV) ## Compute what teaching takes of the memory of a GPU
	$(BIN)/python -m bench.parts.teaching $(ARGS)

bench-deviation: $(DEV) ## Compare quantised weights with the checkpoint's own answers (ARGS="--checkpoint FOLDER --weights int8 nf4 fp8")
	$(BIN)/python -m bench.parts.deviation $(ARGS)

bench-deterministic: $(DEV) ## Measure what one order of summation costs, and how many answers it steadies
	$(BIN)/python -m bench.parts.deterministic $(ARGS)

bench-offset: $(DEV) ## Compare what filters do to recordings with and without a constant offset
	$(BIN)/python -m bench.parts.offset $(ARGS)

bench-voices: $(DEV) ## Measure what tells voices apart (ARGS="--encoder FILE --speech FOLDER")
	$(BIN)/python -m bench.voices $(ARGS)

bench-known-speakers: $(DEV) ## Count segments of known speakers that get their names
	$(BIN)/python -m bench.known_speakers $(ARGS)

bench-word-times: $(DEV) ## Measure how far estimated times of words are off (ARGS=--attention: by attention heads too, minutes)
	$(BIN)/python -m bench.word_times $(ARGS)

bench-confidence: $(DEV) ## Hold words' probabilities against whether they are right
	$(BIN)/python -m bench.word_times.confidence $(ARGS)

bench-long: $(DEV) ## Measure talks of up to three hours: time, memory, speakers, seams: twenty minutes (ARGS="--minutes 1 10": two)
	$(BIN)/python -m bench.long $(ARGS)

bench-loops: $(DEV) ## Count which answers that run in circles are noticed, and how soon (ARGS=--record: into the docs)
	$(BIN)/python -m bench.loops --make 800 --seed 31 | $(BIN)/python -m bench.loops --score /dev/stdin $(ARGS)

bench-seams: $(DEV) ## Count the words and speakers that are lost where windows meet (ARGS="--made 300 --seed 1")
	$(BIN)/python -m bench.seams --made 150 $(ARGS)

bench-faults: $(DEV) ## Kill, stop, fill and poison a server under load, twenty rounds each: an hour or two (ARGS="--only kill --rounds 3")
	$(BIN)/python -m bench.faults $(ARGS)

bench-job: $(DEV) ## Kill a long job's worker fifty times and its server five times: does it tell the same? half an hour (ARGS="--minutes 3 --kills 5 --deaths 1")
	$(BIN)/python -m bench.faults.job $(ARGS)

soak: $(DEV) ## Mixed traffic for an hour: is every answer right, and does anything grow? (ARGS="--minutes 3")
	$(BIN)/python -m bench.soak $(ARGS)

bench-ray: $(RAY) ## Kill and replace replicas on Ray Serve under load
	$(RAY_VENV)/bin/python -m bench.ray $(ARGS)

bench-linears: $(DEV) ## Time one full-size linear map on a CPU in every format
	$(BIN)/python -m bench.parts.linears $(ARGS)

rehearse-gpu: $(DEV) ## Run the CUDA path of the full-size model without a GPU, in ten minutes (ARGS="--cards 24 12:int8 --only start files")
	$(BIN)/python -m bench.rehearsal $(ARGS)

tiny-checkpoint: $(DEV) ## Train the next bundled checkpoint into .cache/tiny (hours on two cores; model/tiny/README.md)
	$(BIN)/python -m model.tiny.recipe.train --inherit model/tiny/checkpoint

docs: $(DEV) ## Write what the pages have from the code: settings, flags, operations, what fits on which GPU
	$(BIN)/python -m tests.docs.tables

# The wheel is built from the source distribution, so one that lacks a file builds none.
dist: $(DIST) ## Build the source distribution and the wheel into dist/, and check what an index would show of them
	rm -f dist/vibevoice_asr_server-*
	$(DIST_VENV)/bin/python -m build --outdir dist .
	$(DIST_VENV)/bin/python -m twine check --strict dist/vibevoice_asr_server-*

# Needs bubblewrap and chromium.
test-dist: $(DEV) $(DIST) ## Install the wheel by pip, uv and pipx, serve from there, and go from a clone to captions: three minutes
	PATH="$(CURDIR)/$(DIST_VENV)/bin:$$PATH" CI=true $(BIN)/python -m pytest -m dist tests/dist

docker: ## Build the CUDA image, and its bill of materials into dist/
	docker build --file docker/Dockerfile --build-arg VERSION=$(VERSION) --tag vibevoice-asr-server:cuda .
	docker build --file docker/Dockerfile --target sbom --output dist/cuda .

docker-cpu: ## Build the CPU image, and its bill of materials into dist/ (TORCH_INDEX_URL: PyTorch's index of CPU wheels)
	docker build --file docker/Dockerfile.cpu --build-arg VERSION=$(VERSION) --build-arg TORCH_INDEX_URL="$(TORCH_INDEX_URL)" --tag vibevoice-asr-server:cpu .
	docker build --file docker/Dockerfile.cpu --build-arg TORCH_INDEX_URL="$(TORCH_INDEX_URL)" --target sbom --output dist/cpu .

# Root, debootstrap, buildah and bubblewrap, and no engine: what is built is run read-only, as the user of the image.
test-images: $(DEV) ## Build both images without an engine, run them, and print sizes and times (ARGS="-k cpu": the small one)
	$(BIN)/python -m pytest -m images --capture=no tests/deploy/test_built_images.py $(ARGS)

requirements: $(DEV) ## Pin what the images install, from constraints.txt (TORCH_INDEX_URL: PyTorch's index of CPU wheels)
	$(PIP) install uv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docker/lock.py $(if $(TORCH_INDEX_URL),--torch-index "$(TORCH_INDEX_URL)")

# A tag moves on when its image is built anew, for security updates mostly; the digest in the file does not.
digests: ## Say which pinned images have been built anew since (needs docker and their registries)
	@grep -hoE '[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}' docker/Dockerfile* deploy/*.yaml | sort -u | while IFS=@ read -r image digest; do \
		now=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$$image") || exit 1; \
		test "$$now" = "$$digest" && echo "$$image as pinned" || echo "$$image is $$now now, pinned $$digest"; \
	done

clean: ## Remove the environment, caches and installed clients
	rm -rf $(VENV) $(LIVE_VENV) $(FILES_VENV) $(WYOMING_VENV) $(MICROSOFT_VENV) $(RAY_VENV) $(DIST_VENV) .venv-versions .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist mutants *.egg-info tests/conformance/node_modules tests/conformance/node/node_modules $(BROWSER)/node_modules

# PyTorch goes first and by itself: its build (CPU, CUDA) is the platform's choice, the rest follows what is there.
$(RUNTIME): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@echo "Installing into $(VENV) (a minute or two, once)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "Installing the tools for development"
	$(PIP) install --constraint constraints.txt --editable '.[dev,train]'
	@touch $@

# What releases are made with; the server and its tests need none of it.
$(DIST):
	@echo "Installing the tools for releases into $(DIST_VENV)"
	$(PYTHON) -m venv --clear $(DIST_VENV)
	$(DIST_VENV)/bin/python -m pip --disable-pip-version-check --quiet install 'build>=1.3' 'pipx>=1.8' 'twine>=6.2' 'uv>=0.9'
	@touch $@

$(NODE_CLIENTS): tests/conformance/package-lock.json
	npm ci --no-audit --no-fund --prefix tests/conformance
	@touch $@

$(NODE_CHECKS): $(BROWSER)/package-lock.json
	npm ci --no-audit --no-fund --prefix $(BROWSER)
	@touch $@

# Agent frameworks bring hundreds of megabytes that nothing else needs, and pins of their own.
$(LIVE_CLIENTS): $(LIVE)/requirements.txt $(LIVE)/constraints.txt
	@echo "Installing the live clients into $(LIVE_VENV) (a minute or two and 800 MB, once)"
	$(PYTHON) -m venv --clear $(LIVE_VENV)
	$(LIVE_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
		--constraint $(LIVE)/constraints.txt --requirement $(LIVE)/requirements.txt
	@touch $@

# They are in no package: fetched from their repository at one commit, and taken if they are what they were. Where that
# cannot be reached: make conformance VIBEVOICE_SOURCE=file:///folder/of/a/checkout
$(MICROSOFT_SCRIPTS): $(MICROSOFT)/sha256sums constraints.txt
	@echo "Installing Microsoft's scripts into $(MICROSOFT_VENV)"
	$(PYTHON) -m venv --clear $(MICROSOFT_VENV)
	$(MICROSOFT_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt requests
	mkdir $(MICROSOFT_VENV)/scripts
	cd $(MICROSOFT_VENV)/scripts && curl --fail --silent --show-error --location --remote-name-all \
		$(VIBEVOICE_SOURCE)/LICENSE \
		$(VIBEVOICE_SOURCE)/vllm_plugin/tests/test_api.py \
		$(VIBEVOICE_SOURCE)/vllm_plugin/tests/test_api_auto_recover.py
	cd $(MICROSOFT_VENV)/scripts && sha256sum --check --quiet $(CURDIR)/$(MICROSOFT)/sha256sums
	@touch $@

ray: $(RAY) ## Make .venv-ray with Ray Serve, and run the tests of deploy/ray
	$(BIN)/python -m pytest tests/deploy/test_ray.py

# Ray brings 80 packages that nothing else needs.
$(RAY): pyproject.toml constraints.txt $(DEV)
	@echo "Installing Ray Serve into $(RAY_VENV) (two minutes and 1.5 GB, once)"
	$(PYTHON) -m venv --clear $(RAY_VENV)
	$(RAY_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt torch
	$(RAY_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt --editable '.[ray]' httpx
	@touch $@

# Gateways and frameworks that send files: pins of their own as well, and not those of the live clients.
$(FILES_CLIENTS): $(FILES)/requirements.txt $(FILES)/constraints.txt
	@echo "Installing the file clients into $(FILES_VENV) (some minutes and 900 MB, once)"
	$(PYTHON) -m venv --clear $(FILES_VENV)
	$(FILES_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
		--constraint $(FILES)/constraints.txt --requirement $(FILES)/requirements.txt
	@touch $@

$(NODE_AGENTS): tests/conformance/node/package-lock.json
	@echo "Installing the clients for Node (a minute and 330 MB, once)"
	npm ci --no-audit --no-fund --prefix tests/conformance/node
	@touch $@

# It needs a newer Python than this project: the first of these that there is. In CI there has to be one.
$(WYOMING_CLIENT): $(WYOMING)/requirements.txt $(WYOMING)/constraints.txt
	@new='import sys; sys.exit(sys.version_info < (3, 12))'; \
	for python in $(PYTHON) python3.14 python3.13 python3.12 $(sort $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python)); do \
		if $$python -c "$$new" 2>/dev/null; then \
			echo "Installing wyoming-openai into $(WYOMING_VENV) with $$python (a minute and 70 MB, once)"; \
			$$python -m venv --clear $(WYOMING_VENV) && \
			$(WYOMING_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
				--constraint $(WYOMING)/constraints.txt --requirement $(WYOMING)/requirements.txt && touch $@; exit; \
		fi; \
	done; \
	echo "wyoming-openai is left out: it needs Python 3.12 or newer, and there is none here"; test -z "$$CI"
