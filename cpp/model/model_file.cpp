#include "model/model_file.h"

#include "gnncv/error.h"

#include <caffe2/serialize/inline_container.h>

#include <filesystem>
#include <fstream>

namespace gnncv {
namespace {

constexpr const char* zip_magic = "PK\x03\x04";

std::string quoted(const std::string& path) {
    return "'" + path + "'";
}

void check_readable(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        throw ModelError("the model file " + quoted(path) + " does not exist");
    }
    if (std::filesystem::is_directory(path, ignored)) {
        throw ModelError("the model " + quoted(path) +
                         " is a folder: give the exported file, NAME.pt (`gnncv export`)");
    }
    std::ifstream file(path, std::ios::binary);
    std::string magic(4, '\0');
    if (!file) {
        throw ModelError("the model file " + quoted(path) + " cannot be read: check its permissions");
    }
    file.read(magic.data(), 4);
    if (file.gcount() == 0) {
        throw ModelError("the model file " + quoted(path) + " is empty: copy or export it again");
    }
    if (magic != zip_magic) {
        throw ModelError(
            quoted(path) +
            " is not a gnncv model: it is not a TorchScript archive; make one with `gnncv export`");
    }
}

std::string record_text(caffe2::serialize::PyTorchStreamReader& reader, const std::string& name) {
    const auto [data, size] = reader.getRecord(name);
    return {static_cast<const char*>(data.get()), size};
}

void check_format(const std::string& path, const std::string& text) {
    int format = 0;
    try {
        format = std::stoi(text);
    } catch (const std::exception&) {
        throw ModelError(quoted(path) + " has no readable format number (gnncv_format is '" + text +
                         "'): export it again");
    }
    if (format > newest_format) {
        throw ModelError(quoted(path) + " has format " + std::to_string(format) +
                         ", this gnncv reads up to " + std::to_string(newest_format) +
                         ": it was written in a newer format; update gnncv");
    }
    if (format < 1) {
        throw ModelError(quoted(path) + " has format " + std::to_string(format) + ", expected 1 to " +
                         std::to_string(newest_format) + ": export it again");
    }
}

} // namespace

std::string read_model_metadata(const std::string& path) {
    check_readable(path);
    std::string format, metadata;
    try {
        caffe2::serialize::PyTorchStreamReader reader(path);
        if (!reader.hasRecord("extra/gnncv_format")) {
            const bool script = reader.hasRecord("constants.pkl");
            throw ModelError(quoted(path) + " is not a gnncv model: it is " +
                             (script ? "a TorchScript file of something else, neither gnncv's nor a graph "
                                       "model of mlcolvar"
                                     : "a torch or zip file of something else") +
                             "; make one with `gnncv export`");
        }
        format = record_text(reader, "extra/gnncv_format");
        metadata = reader.hasRecord("extra/gnncv.json") ? record_text(reader, "extra/gnncv.json") : "{}";
    } catch (const Error&) {
        throw;
    } catch (const std::exception&) {
        throw ModelError("the model file " + quoted(path) +
                         " is truncated or damaged: copy or export it again");
    }
    check_format(path, format);
    return metadata;
}

} // namespace gnncv
