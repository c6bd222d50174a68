#include "model/chemical_symbols.h"

#include <sstream>
#include <vector>

namespace gnncv {
namespace {

constexpr const char* all_symbols =
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr "
    "Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og";

std::vector<std::string> split(const char* text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

} // namespace

std::string chemical_symbol(std::int64_t atomic_number) {
    static const std::vector<std::string> symbols = split(all_symbols);
    if (atomic_number < 1 || atomic_number > static_cast<std::int64_t>(symbols.size())) {
        return {};
    }
    return symbols[static_cast<std::size_t>(atomic_number - 1)];
}

} // namespace gnncv
