#include "model/box_codec_records.h"

namespace ak::model::codec {

TlvWriter write(const Limits& limits) {
  TlvWriter out;
  out.numberIf(1, limits.memory_bytes).numberIf(2, limits.cpu_percent);
  out.numberIf(3, limits.pids).numberIf(4, limits.disk_bytes);
  const unsigned asked = (limits.explicit_memory ? 1U : 0U) | (limits.explicit_cpu ? 2U : 0U) |
                         (limits.explicit_pids ? 4U : 0U) | (limits.explicit_disk ? 8U : 0U);
  out.numberIf(5, asked);
  return out;
}

bool read(std::string_view text, Limits& limits) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        limits.memory_bytes = in.number();
        break;
      case 2:
        limits.cpu_percent = in.numberAs<std::uint32_t>();
        break;
      case 3:
        limits.pids = in.numberAs<std::uint32_t>();
        break;
      case 4:
        limits.disk_bytes = in.number();
        break;
      case 5: {
        const std::uint64_t asked = in.number();
        limits.explicit_memory = (asked & 1U) != 0;
        limits.explicit_cpu = (asked & 2U) != 0;
        limits.explicit_pids = (asked & 4U) != 0;
        limits.explicit_disk = (asked & 8U) != 0;
        break;
      }
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const IdRange& ids) {
  TlvWriter out;
  out.number(1, ids.base).number(2, ids.count);
  return out;
}

bool read(std::string_view text, IdRange& ids) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        ids.base = in.numberAs<std::uint32_t>();
        break;
      case 2:
        ids.count = in.numberAs<std::uint32_t>();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const HostPath& path) {
  TlvWriter out;
  out.bytesIf(1, path.path).numberIf(2, path.device).numberIf(3, path.inode);
  return out;
}

bool read(std::string_view text, HostPath& path) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        path.path = in.string();
        break;
      case 2:
        path.device = in.number();
        break;
      case 3:
        path.inode = in.number();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxRoot::Bind& bind) {
  TlvWriter out;
  out.record(1, write(bind.source)).bytes(2, bind.target);
  return out;
}

bool read(std::string_view text, BoxRoot::Bind& bind) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        return read(in.bytes(), bind.source);
      case 2:
        bind.target = in.string();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxRoot& root) {
  TlvWriter out;
  for (const HostPath& layer : root.layers) {
    out.record(1, write(layer));
  }
  for (const BoxRoot::Bind& bind : root.binds) {
    out.record(2, write(bind));
  }
  out.record(3, write(root.writable)).numberIf(4, root.read_only ? 1 : 0);
  for (const HostPath& layer : root.frozen) {
    out.record(5, write(layer));
  }
  return out;
}

bool read(std::string_view text, BoxRoot& root) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1: {
        HostPath layer;
        return read(in.bytes(), layer) && append(root.layers, std::move(layer));
      }
      case 2: {
        BoxRoot::Bind bind;
        return read(in.bytes(), bind) && append(root.binds, std::move(bind));
      }
      case 3:
        return read(in.bytes(), root.writable);
      case 4:
        root.read_only = in.number() != 0;
        break;
      case 5: {
        HostPath layer;
        return read(in.bytes(), layer) && append(root.frozen, std::move(layer));
      }
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxSpec& spec) {
  TlvWriter out;
  out.bytes(1, spec.id).record(2, write(spec.ids)).record(3, write(spec.root));
  out.number(4, static_cast<std::uint64_t>(spec.network)).record(5, write(spec.limits));
  out.bytesIf(6, spec.base_filter).numberIf(7, spec.agent_capabilities);
  out.number(8, spec.one_shot ? 1 : 0);
  return out;
}

bool read(std::string_view text, BoxSpec& spec) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        spec.id = in.string();
        break;
      case 2:
        return read(in.bytes(), spec.ids);
      case 3:
        return read(in.bytes(), spec.root);
      case 4:
        return readEnum(in, NetworkMode::Full, spec.network);
      case 5:
        return read(in.bytes(), spec.limits);
      case 6:
        spec.base_filter = in.string();
        break;
      case 7:
        spec.agent_capabilities = in.number();
        break;
      case 8:
        spec.one_shot = in.number() != 0;
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxWorkspace& workspace) {
  TlvWriter out;
  out.number(1, static_cast<std::uint64_t>(workspace.mode)).record(2, write(workspace.source));
  out.bytes(3, workspace.target).numberIf(4, workspace.owner_uid).numberIf(5, workspace.owner_gid);
  for (const std::string& path : workspace.protected_paths) {
    out.bytes(6, path);
  }
  out.numberIf(7, workspace.want_changes_fd ? 1 : 0);
  for (const std::string& path : workspace.masks) {
    out.bytes(8, path);
  }
  for (const HostPath& layer : workspace.frozen) {
    out.record(9, write(layer));
  }
  return out;
}

bool read(std::string_view text, BoxWorkspace& workspace) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        return readEnum(in, WorkspaceMode::ReadOnly, workspace.mode);
      case 2:
        return read(in.bytes(), workspace.source);
      case 3:
        workspace.target = in.string();
        break;
      case 4:
        workspace.owner_uid = in.numberAs<std::uint32_t>();
        break;
      case 5:
        workspace.owner_gid = in.numberAs<std::uint32_t>();
        break;
      case 6:
        return append(workspace.protected_paths, in.string());
      case 7:
        workspace.want_changes_fd = in.number() != 0;
        break;
      case 8:
        return append(workspace.masks, in.string());
      case 9: {
        HostPath layer;
        return read(in.bytes(), layer) && append(workspace.frozen, std::move(layer));
      }
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxVolume& volume) {
  TlvWriter out;
  out.record(1, write(volume.directory)).bytes(2, volume.target);
  out.numberIf(3, volume.read_only ? 1 : 0);
  return out;
}

bool read(std::string_view text, BoxVolume& volume) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        return read(in.bytes(), volume.directory);
      case 2:
        volume.target = in.string();
        break;
      case 3:
        volume.read_only = in.number() != 0;
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxIdentity& identity) {
  TlvWriter out;
  out.bytesIf(1, identity.hostname).record(2, write(identity.workspace));
  for (const BoxVolume& volume : identity.volumes) {
    out.record(3, write(volume));
  }
  return out;
}

bool read(std::string_view text, BoxIdentity& identity) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        identity.hostname = in.string();
        break;
      case 2:
        return read(in.bytes(), identity.workspace);
      case 3: {
        BoxVolume volume;
        return read(in.bytes(), volume) && append(identity.volumes, std::move(volume));
      }
      default:
        break;
    }
    return true;
  });
}

}  // namespace ak::model::codec
