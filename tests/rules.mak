# What checks and measures; included by the Makefile.
# SPDX-License-Identifier: LGPL-2.1-or-later
check: all tests
	$(Q)BUILD=$(abspath $(BUILD)) JOBS=$(JOBS) sh tests/run.sh $(ONLY)
check-san:
	$(Q)LESS=1 $(MAKE) --no-print-directory SAN=1 check
bench: all $(filter $(BUILD)/tests/bench/%,$(TESTS))
	$(Q)for p in $(filter $(BUILD)/tests/bench/%,$(TESTS)); do \
	    echo "== $${p##*/}"; $$p || exit 1; done
	$(Q)BUILD=$(abspath $(BUILD)) sh tests/bench/networks.sh
	$(Q)if $(or $(PEERS_PYTHON),python3) -c 'import torch' 2>/dev/null; then \
	    echo "== gan.py"; \
	    $(or $(PEERS_PYTHON),python3) tests/bench/gan.py $(BUILD)/tests/bench/gan 1 5; \
	    echo "== train.py"; \
	    $(or $(PEERS_PYTHON),python3) tests/bench/train.py $(BUILD)/tests/bench/train 2 3; \
	    else echo "== gan.py, train.py: no PyTorch for $(or $(PEERS_PYTHON),python3)"; fi
# Other engines beside ours: needs them installed, see tests/bench/peers.py.
bench-peers: all
	$(Q)$(or $(PEERS_PYTHON),python3) tests/bench/peers.py $(BUILD)/bin/ffgan $(PEERS)
fuzz: all
	$(Q)SECONDS_EACH=$${FUZZ_SECONDS:-60} SEED=$${FUZZ_SEED:-0} CLANG="$(CLANG)" sh tests/fuzz.sh
fuzz-libs: $(LIBKERNELS) $(call a,pipeline source)
check-ffmpeg9: $(CONFIG) $(call o,tests/filters/mkmodel)
	$(Q)sh filters/overlay/check9.sh "$(CACHE)"
check-aarch64: $(CONFIG)
	$(Q)sh tests/aarch64.sh "$(CACHE)"
lint: $(CONFIG)
	$(Q)sh tests/lint.sh
checkheaders: $(CONFIG)
	$(Q)sh tests/lint.sh headers
