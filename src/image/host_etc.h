#pragma once

#include <array>
#include <string>
#include <string_view>

namespace ak::image {

// Names below /etc that are copied: an allow-list, because what is not known to be harmless may
// hold secrets. Left out on purpose: shadow, ssh, machine-id, ssl/private, and everything where
// people put tokens (environment, profile.d, npmrc, pip.conf, gitconfig, wgetrc,
// maven/settings.xml). A trailing * matches any ending. Directories are copied whole, but only what
// others may read.
inline constexpr auto kHostEtc = std::to_array<std::string_view>(
    {// the dynamic loader and the alternatives that /usr/bin points to
     "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld-musl-*",
     // certificates of authorities
     "ca-certificates", "ca-certificates.conf", "ssl/certs", "ssl/openssl.cnf", "ssl/cert.pem",
     "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "crypto-policies",
     // who and where we are
     "localtime", "timezone", "os-release", "debian_version", "lsb-release", "redhat-release",
     "fedora-release", "alpine-release", "arch-release", "system-release",
     // tables of libc
     "protocols", "services", "rpc", "ethertypes", "host.conf", "gai.conf", "locale.alias",
     "locale.conf", "default/locale",
     // shells and terminals
     "bash.bashrc", "bashrc", "profile", "inputrc", "terminfo", "shells", "login.defs",
     // languages and tools that read their configuration from here
     "python", "python3*", "perl", "java-*", "java", "maven/m2.conf", "maven/logging", "R/ldpaths",
     "groff", "manpath.config", "vim", "nanorc", "emacs", "gtk-2.0", "gtk-3.0",
     // types, fonts, drivers
     "mime.types", "magic", "magic.mime", "fonts", "glvnd", "OpenCL"});

// Files that we write ourselves: name below /etc, text.
struct SyntheticFile {
  std::string_view name;
  std::string_view text;
};

extern const std::array<SyntheticFile, 6> kSyntheticEtc;

// The resolv.conf of a box: the host's nameservers that are not on its loopback device. Search
// domains and options stay here; they say where the machine stands.
std::string resolverFile(std::string_view host_text);

}  // namespace ak::image
