#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/context.h"
#include "api/route.h"
#include "net/http_handler.h"

namespace ak::api {

// Finds the route of a request, lets the caller in or not, and has the route answer.
class Router final : public net::HttpHandler {
 public:
  // For HttpOptions::common_headers: which version answered. Clients send theirs likewise.
  static constexpr std::string_view kCommonHeaders = "Agentkernel-Version: " AK_VERSION "\r\n";

  explicit Router(Context context);

  net::Admission admit(const net::HttpRequest& request) override;
  net::HttpResponse refusal(int status, std::string_view message) override;

 private:
  struct Entry {
    const Route* route;
    std::vector<std::string_view> segments;  // "{x}" takes any one segment
    bool takes_rest = false;                 // ... and a last "{x...}" all that follow, or none
  };

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> params;
    std::string allowed;  // methods of the path, when none of them was asked for
  };

  Match find(const net::HttpRequest& request) const;
  void count(std::string_view method,
             std::string_view path,
             int status,
             std::chrono::nanoseconds took);
  net::Task<void> run(const Route& route,
                      std::vector<std::string> params,
                      manager::Caller caller,
                      net::HttpExchange& exchange);

  Context context_;
  std::vector<Entry> entries_;
};

}  // namespace ak::api
