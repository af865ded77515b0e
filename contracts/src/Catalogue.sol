// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ICatalogue} from "./interfaces/ICatalogue.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Names} from "./libraries/Names.sol";
import {Succession} from "./Succession.sol";

/// @title The record categories and their definitions, by hash
/// @dev A definition's text is too long for a founding transaction, and nobody has to believe who hands it over. One
/// that a node cannot read keeps that node from taking new records of the category, and nothing else.
contract Catalogue is ICatalogue, Succession {
    uint32 private _founded;
    mapping(bytes32 category => uint32) private _version;
    mapping(bytes32 category => mapping(uint32 version => bytes32)) private _definition;

    /// @param alliance whose votes change the catalogue
    /// @param categories that the founders bring, each once; none for one that replaces another
    /// @param versions of their definitions, one for each
    /// @param definitions SHA-256, one for each
    constructor(
        IAlliance alliance,
        bytes32[] memory categories,
        uint32[] memory versions,
        bytes32[] memory definitions
    ) MembersOnly(alliance) {
        if (categories.length != versions.length || categories.length != definitions.length) {
            revert CatalogueMalformedDefinition();
        }
        for (uint256 i = 0; i < categories.length; ++i) {
            if (_version[categories[i]] != 0 || versions[i] == 0) revert CatalogueMalformedDefinition();
            _checkForm(categories[i], definitions[i]);
            _set(categories[i], versions[i], definitions[i]);
        }
        _founded = uint32(categories.length);
    }

    /// @inheritdoc ICatalogue
    function founded() external view returns (uint32) {
        return _founded;
    }

    /// @inheritdoc ICatalogue
    function versionOf(bytes32 category) public view returns (uint32 version) {
        version = _version[category];
        if (version != 0) return version;
        address before = _predecessor();
        if (before != address(0)) version = ICatalogue(before).versionOf(category);
    }

    /// @inheritdoc ICatalogue
    function definitionOf(bytes32 category, uint32 version) public view returns (bytes32 definition) {
        definition = _definition[category][version];
        if (definition != 0) return definition;
        address before = _predecessor();
        if (before != address(0)) definition = ICatalogue(before).definitionOf(category, version);
    }

    /// @inheritdoc ICatalogue
    function check(bytes32 category, uint32 version, bytes32 definition) external view {
        _check(category, version, definition);
    }

    /// @inheritdoc ICatalogue
    function set(bytes32 category, uint32 version, bytes32 definition) external {
        if (msg.sender != address(ALLIANCE)) revert CatalogueNotAlliance(msg.sender);
        _requireInForce();
        _check(category, version, definition);
        _set(category, version, definition);
    }

    function _check(bytes32 category, uint32 version, bytes32 definition) private view {
        _checkForm(category, definition);
        uint32 present = versionOf(category);
        if (version != present + 1) revert CatalogueWrongVersion(present + 1);
        if (present != 0 && definitionOf(category, present) == definition) revert CatalogueUnchanged();
    }

    function _checkForm(bytes32 category, bytes32 definition) private pure {
        if (!Names.isCategoryName(category) || definition == 0) revert CatalogueMalformedDefinition();
    }

    function _set(bytes32 category, uint32 version, bytes32 definition) private {
        _version[category] = version;
        _definition[category][version] = definition;
        emit DefinitionSet(category, version, definition);
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Catalogue";
    }
}
