# Everything a person or a machine does with this repository. `make help` lists it.

PREFIX  ?= /usr/local
DESTDIR ?=
SWIFT   ?= swift
# STATIC=1 links the Swift runtime into the programs, for machines that have no Swift toolchain.
STATIC  ?=
# What `make sanitize` runs the tests with.
SANITIZER ?= address thread
# What `make bench` measures.
SHAPE   ?= 3b-224

BUILD_FLAGS  := -c release $(if $(STATIC),--static-swift-stdlib)
RELEASE      := $(CURDIR)/.build/release
PROGRAMS     := paligemma pg-worker
SWIFT_SOURCES := Sources Tests packaging/manual Package.swift

# What a fresh Debian 12 needs beside a Swift toolchain, to build and to run. The server of PostgreSQL and its pooler are for the tests,
# which start their own; Debian's package is kept from making and starting its usual one. Videos are read by ffmpeg. Chromium is for the
# tests of the service's page. The tests of packages make one (dpkg-dev, binutils), and let systemd look at units, which starts nothing.
PACKAGES := \
	ca-certificates git pkg-config libc6-dev libstdc++-12-dev \
	openmpi-bin libopenmpi-dev libopenblas-dev libprotobuf-c-dev libsqlite3-dev libxxhash-dev \
	libpq-dev libjpeg62-turbo-dev libpng-dev libwebp-dev zlib1g-dev libsentencepiece-dev \
	iproute2 postgresql pgbouncer ffmpeg libsnappy-dev libzstd-dev libgif-dev libtiff-dev libavif-dev \
	libheif-dev libjxl-dev libopenjp2-7-dev libcurl4-openssl-dev libssl-dev dpkg-dev binutils systemd \
	chromium chromium-driver chromium-headless-shell

# What `make faults` needs beside these.
FAULT_PACKAGES := libfaketime

# What packages are made with, and tried with.
PACKAGING_PACKAGES := dpkg-dev binutils gzip mmdebstrap skopeo openssh-client
# Programs with the Swift runtime inside, in a build of their own.
STATIC_BUILD := $(SWIFT) build -c release --static-swift-stdlib --scratch-path .build/static
PACKAGED     := $(CURDIR)/.build/packages

.PHONY: build deps toolchain demo test sanitize faults lint format install uninstall bench clean help \
	static deb image packages-check
.NOTPARALLEL:

build: deps toolchain  ## build both programs (default)
	$(SWIFT) build $(BUILD_FLAGS)

deps:  ## install the Debian packages that are needed; quick where all are there
	@missing=; \
	for package in $(PACKAGES); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	command -v apt-get >/dev/null || { echo "These Debian packages (or yours of the like) are needed:$$missing" >&2; exit 3; }; \
	as_root=; \
	if [ "$$(id -u)" != 0 ]; then \
		command -v sudo >/dev/null || { echo "As root, run: apt-get install$$missing" >&2; exit 3; }; \
		as_root=sudo; \
	fi; \
	echo "Installing$$missing"; \
	cluster=/etc/postgresql-common/createcluster.conf; \
	if [ ! -e $$cluster ]; then \
		$$as_root mkdir -p $${cluster%/*} && \
		echo 'create_main_cluster = false' | $$as_root tee $$cluster >/dev/null; \
	fi; \
	$$as_root apt-get update -qq && \
	$$as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
		apt-get install -qq -y --no-install-recommends $$missing

toolchain:
	@command -v $(SWIFT) >/dev/null || { echo "A Swift 6.2 (or newer) toolchain is needed: https://www.swift.org/install" >&2; exit 3; }

demo: build  ## caption the example pictures on four ranks and show the answers
	@Examples/demo $(RELEASE)

test: deps toolchain  ## build everything and run every test
	$(SWIFT) build $(BUILD_FLAGS) --build-tests
	$(SWIFT) test $(BUILD_FLAGS) --skip-build

sanitize: deps toolchain  ## run every test with AddressSanitizer, then with ThreadSanitizer; SANITIZER=address or thread for one
	@for sanitizer in $(SANITIZER); do SWIFT='$(SWIFT)' Tests/Sanitizers/run $$sanitizer || exit 1; done

faults: deps toolchain  ## do to worlds what a cluster does to them, and count; SCENARIOS=... for some (needs root, an hour)
	@$(MAKE) --no-print-directory deps PACKAGES='$(FAULT_PACKAGES)'
	$(SWIFT) build $(BUILD_FLAGS)
	$(RELEASE)/faults $(SCENARIOS)

lint: toolchain  ## check the format of the Swift code
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

format: toolchain  ## format the Swift code
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

install: build  ## install both programs into PREFIX (default /usr/local), below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS:%=$(RELEASE)/%) $(DESTDIR)$(PREFIX)/bin

uninstall:  ## remove what install put there
	rm -f $(PROGRAMS:%=$(DESTDIR)$(PREFIX)/bin/%)

static: deps toolchain
	@$(MAKE) --no-print-directory deps PACKAGES='$(PACKAGING_PACKAGES)'
	@for product in $(PROGRAMS) manual-pages; do $(STATIC_BUILD) --product $$product || exit 1; done

deb: static  ## make a Debian package of programs that need no Swift toolchain
	rm -f $(PACKAGED)/paligemma_*.deb
	packaging/deb/build .build/static/release $(PACKAGED)

image: deb  ## make an OCI image without a container engine (root, Debian's mirrors); FFMPEG=1 for videos
	rm -f $(PACKAGED)/paligemma-*-image.tar
	packaging/image/build $(PACKAGED)/paligemma_*.deb $(PACKAGED)

packages-check: image  ## try package and image in a bare Debian (root, Debian's mirrors)
	packaging/check $(PACKAGED)/paligemma_*.deb $(PACKAGED)/paligemma-*-image.tar $(PACKAGED)

bench: build  ## measure this machine with a full-size random model (SHAPE, default 3b-224)
	@$(RELEASE)/paligemma bench --shape $(SHAPE)

clean:  ## remove what was built
	rm -rf .build

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-14s %s\n' "$$name" "$$what"; \
	done
