#include "manager/audited_volumes.h"

#include "manager/operation_record.h"

namespace ak::manager {

using audit::Event;
using audit::Kind;

net::Task<Result<Volumes::View>> AuditedVolumes::create(std::string slug,
                                                        std::uint64_t size_bytes) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::VolumeCreated, "volume_create", {}, {}, {}});
  Result<View> made = co_await inner_.volumes().create(std::move(slug), size_bytes);
  if (!made) {
    record.failed(made.error());
    co_return made;
  }
  Event event = auditor_.about(Kind::VolumeCreated, caller_);
  event.text("volume", made->volume.slug).text("uuid", made->volume.uuid);
  if (made->volume.size_bytes != 0) {
    event.number("size_bytes", static_cast<std::int64_t>(made->volume.size_bytes));
  }
  record.done(std::move(event));
  co_return made;
}

net::Task<Status> AuditedVolumes::remove(std::string slug) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::VolumeRemoved, "volume_remove", {}, {}, {}});
  Status removed = co_await inner_.volumes().remove(slug);
  if (removed) {
    Event event = auditor_.about(Kind::VolumeRemoved, caller_);
    record.done(event.text("volume", slug));
  } else {
    record.failed(removed.error());
  }
  co_return removed;
}

}  // namespace ak::manager
